// What the page shows of the agent's answers; text only ever enters the page as text.

const MARKS = {
  done: ['Done', 'good'],
  question: ['Your answer?', 'wait'],
  inbox: ['With a person', 'wait'],
  nothing: ['Nothing heard', 'wait'],
  denied: ['Not allowed', 'bad'],
  failed: ['Failed', 'bad'],
}

/** An element with text or children. */
export function el(tag, props = {}, ...children) {
  const { dataset, ...rest } = props
  const element = Object.assign(document.createElement(tag), rest)
  Object.assign(element.dataset, dataset ?? {})
  element.append(...children)
  return element
}

export function renderTurn(result) {
  const [label, tone] = MARKS[result.outcome.kind]
  const heard = result.transcript.text === '' ? 'Nothing was heard.' : `“${result.transcript.text}”`
  const lines = [
    el('span', { className: 'mark', dataset: { tone } }, label),
    el('p', { className: 'heard' }, heard),
    el('p', { className: 'say' }, result.outcome.say),
  ]
  for (const warning of result.transcript.warnings) lines.push(el('p', { className: 'quiet' }, warning))
  if (result.outcome.remedy) lines.push(el('p', { className: 'quiet' }, result.outcome.remedy))
  return el('li', { className: 'turn', dataset: { outcome: result.outcome.kind } }, ...lines, renderWhy(result))
}

function renderWhy(result) {
  const head = el('tr', {}, ...['Effect', 'Verdict', 'By', 'Policy', 'Record'].map((name) => el('th', { scope: 'col' }, name)))
  const rows = result.effects.map(({ action, verdict, provenance }) => {
    const digest = provenance.route.digest === null ? '' : ` ${provenance.route.digest.slice(0, 8)}`
    const cells = [
      action,
      verdict,
      `${provenance.route.provider} ${provenance.route.model}${digest}`,
      `v${provenance.policyVersion}, ${provenance.rule}`,
      provenance.recordId,
    ]
    return el('tr', {}, ...cells.map((cell) => el('td', {}, cell)))
  })
  const sure = result.understood ? `${result.understood.intent}, ${Math.round(result.understood.confidence * 100)} % sure` : 'no intent'
  return el('details', {}, el('summary', {}, `Why: ${sure}`), el('table', {}, el('thead', {}, head), el('tbody', {}, ...rows)))
}

export function fill(section, ...children) {
  const body = section.querySelector('.body')
  body.classList.remove('skeleton')
  body.replaceChildren(...children)
}

export function renderGuide(section, guide) {
  if (guide === null) return fill(section, el('p', { className: 'quiet' }, 'No procedure is running. Open a work order and say “start procedure”.'))
  const lines = [el('p', { className: 'quiet' }, `${guide.title} · step ${guide.number} of ${guide.of}`), el('p', { className: 'step' }, guide.text)]
  if (guide.evidence) lines.push(el('p', { className: 'quiet' }, `Log ${guide.evidence.quantity} in ${guide.evidence.unit} before going on.`))
  return fill(section, ...lines)
}

export function renderOrders(section, orders) {
  if (orders.length === 0) return fill(section, el('p', { className: 'quiet' }, 'No open work orders on this device.'))
  const items = orders.map((order) => el('li', {}, el('strong', {}, order.number), ` ${order.title}`, el('p', { className: 'quiet' }, order.asset)))
  return fill(section, el('ul', {}, ...items))
}

export function renderFacts(section, status) {
  const facts = [
    ['Policy', `v${status.policy.version}${status.policy.strict ? ' (expired: strict set)' : ''}`],
    ['Context', status.contextSyncedAt === null ? 'never synced' : `synced ${new Date(status.contextSyncedAt).toLocaleTimeString()}`],
    ...(status.clock.problem === null ? [] : [['Clock', `${status.clock.problem.message}: set it`]]),
    ['Sent and receipted', String(status.outbox.receipted)],
    ...status.models.map((model) => [model.name, model.digest.slice(0, 12)]),
  ]
  return fill(section, el('dl', {}, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])))
}
