// The console's views: each takes what the API answered and returns elements. Text is only ever set as text.
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'class') node.className = value
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value)
    else if (value !== null && value !== undefined) node.setAttribute(key, value)
  }
  node.append(...children.filter((child) => child !== null && child !== undefined))
  return node
}

export const time = (iso) => (iso ? new Date(iso).toLocaleString() : '–')
export const mark = (text, tone) => el('span', { class: 'mark', 'data-tone': tone }, text)
const card = (title, value, note, tone) =>
  el('div', { class: 'card' }, el('h3', {}, title), el('strong', {}, String(value)), tone ? mark(note, tone) : el('p', { class: 'quiet' }, note))

export function table(headings, rows, empty) {
  if (rows.length === 0) return el('div', { class: 'panel empty' }, empty)
  return el('div', { class: 'panel' },
    el('table', {},
      el('thead', {}, el('tr', {}, ...headings.map((heading) => el('th', { scope: 'col' }, heading)))),
      el('tbody', {}, ...rows.map((cells) => el('tr', {}, ...cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : el('td', {}, cell))))))))
}
export const tight = (text) => el('td', { class: 'tight' }, text)
const num = (value) => el('td', { class: 'num' }, String(value))

function verdict({ body }) {
  if (body.kind === 'intent') return body.verdict === 'permit' ? mark('permitted', 'good') : mark('denied', 'bad')
  if (body.kind === 'outcome') return mark(body.status.replaceAll('_', ' '), body.status === 'performed' ? 'good' : 'bad')
  return mark(body.kind, 'wait')
}

function summary({ body }) {
  if (body.kind === 'intent') return `${body.principal.id} asked for ${body.action} on ${body.resource.type} ${body.resource.id}`
  if (body.kind === 'outcome') return `${body.code ? `${body.code}, ` : ''}after ${(body.durationUs / 1000).toFixed(1)} ms`
  if (body.kind === 'write') return `${body.table} ${body.key}: ${body.patch}`
  return `records ${body.from} to ${body.to}: ${body.reason}`
}

function facts(record) {
  const { body } = record
  const lines = [['Record', record.id], ['Sequence', record.seq], ['Hash', record.hash]]
  if (body.kind === 'intent')
    lines.push(['Rule', `${body.policy.rule} (policy ${body.policy.version})`], ['Performed by', `${body.route.model}, ${body.route.region}`], ['Because', body.route.reason], ['Confidence', body.confidence ?? 'asked outright'], ['Data class', body.dataClass])
  if (body.of) lines.push(['Of', body.of])
  return el('details', {}, el('summary', {}, summary(record)),
    el('dl', {}, ...lines.flatMap(([name, value]) => [el('dt', {}, name), el('dd', { class: 'mono' }, String(value))])))
}

function recordTable(records, empty) {
  return table(['When', 'Device', '', 'What'], records.map(({ device, record }) => [tight(time(record.at)), tight(device), verdict(record), facts(record)]), empty)
}

export function overview({ devices, records, releases, inbox, conflicts, quarantine }) {
  const problems = devices.filter(({ journal }) => journal?.problem)
  const open = inbox.filter(({ body }) => body.status === 'open')
  const disputed = conflicts.conflicts.filter(({ status }) => status === 'open').length
  const stored = devices.reduce((sum, { journal }) => sum + (journal?.seq ?? 0), 0)
  return [
    el('h2', {}, 'Overview'),
    el('div', { class: 'cards' },
      card('Devices', devices.length, problems.length === 0 ? 'all journals hold' : `${problems.length} need a look`, problems.length === 0 ? 'good' : 'bad'),
      card('Records stored', stored, 'each verified, once'),
      card('Inbox', open.length, open.length === 0 ? 'nothing waits' : 'wait for a person', open.length === 0 ? 'good' : 'wait'),
      card('Conflicts', disputed, disputed === 0 ? 'all changes agree' : 'two versions each', disputed === 0 ? 'good' : 'wait'),
      card('Releases', releases.length, releases[0] ? `newest: ${releases[0].name} ${releases[0].version}` : 'none yet'),
      card('Set aside', quarantine.length, quarantine.length === 0 ? 'no bad message' : 'messages were refused', quarantine.length === 0 ? 'good' : 'bad')),
    el('h2', {}, 'Last records'),
    recordTable(records, 'No device has sent a record yet. Start one with “starling up”, and speak to it.'),
  ]
}

export function records({ records: list }) {
  return [el('h2', {}, 'Records'), recordTable(list, 'No device has sent a record yet.')]
}

export function inbox({ inbox: items }) {
  return [
    el('h2', {}, 'Inbox'),
    table(['Raised', 'By', '', 'What was said', 'Why it is here'],
      items.map(({ body }) => [
        tight(time(body.raisedAt)), body.raisedBy, mark(body.status, body.status === 'open' ? 'wait' : 'good'), `“${body.question}”`,
        body.reason === 'write_conflict' ? (body.status === 'open' ? el('a', { href: '#conflicts' }, 'choose one of two versions') : 'two versions, settled') : body.reason.replaceAll('_', ' '),
      ]),
      'Nothing waits for a person. What a device is not sure of comes here.'),
  ]
}

export function devices({ devices: list, verify }) {
  return [
    el('h2', {}, 'Devices'),
    table(['Device', 'Site', 'Journal', 'Runs', 'Chain'],
      list.map((device) => {
        const answer = el('span', { role: 'status' })
        const check = el('button', { class: 'plain', type: 'button', onclick: () => void verify(device.id, check, answer) }, 'verify')
        const runs = (device.reported?.bundles ?? []).map(({ name, version, state }) => `${name} ${version} (${state})`).join(', ')
        const problem = device.journal?.problem ? mark('stands still', 'bad') : null
        return [
          el('td', {}, el('strong', {}, device.id), device.revokedAt ? mark('revoked', 'bad') : null, el('p', { class: 'quiet' }, `enrolled ${time(device.enrolledAt)}`)),
          device.site,
          el('td', {}, `${device.journal?.seq ?? 0} records `, problem),
          runs || '–',
          el('td', {}, check, ' ', answer),
        ]
      }),
      'No device is enrolled yet. Make a token with “starling token”.'),
  ]
}

export function releases({ releases: list }) {
  return [
    el('h2', {}, 'Releases'),
    table(['Bundle', 'Version', 'Published', 'Files', 'Size', 'Licence', 'Signed manifest'],
      list.map(({ name, version, published_at, manifest, envelope_sha256 }) => [
        el('td', {}, el('strong', {}, name), el('p', { class: 'quiet' }, manifest.card.title)),
        version, time(published_at), num(manifest.files.length),
        num(`${(manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0) / 1e6).toFixed(2)} MB`),
        manifest.card.licence, el('td', { class: 'mono' }, envelope_sha256.slice(0, 16)),
      ]),
      'Nothing is published yet.'),
  ]
}

export function quarantine({ quarantine: items }) {
  return [
    el('h2', {}, 'Set aside'),
    table(['Last seen', 'Device', 'Reason', 'What was wrong', 'Bytes', 'Times'],
      items.map((item) => [tight(time(item.last_at)), item.device ?? '–', mark(item.reason.replaceAll('_', ' '), 'bad'), item.message, num(item.size_bytes), num(item.times)]),
      'No message was refused. What cannot be verified is kept here, with the reason.'),
  ]
}
