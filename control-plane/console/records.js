// Lists of what was recorded, what waits for a person, and what was refused.
import { call } from './api.js'
import { el, mark, num, table, tight, time } from './dom.js'

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

function detail(record) {
  const { body } = record
  const lines = [['Record', record.id], ['Sequence', record.seq], ['Hash', record.hash]]
  if (body.kind === 'intent')
    lines.push(['Rule', `${body.policy.rule} (policy ${body.policy.version})`], ['Performed by', `${body.route.model}, ${body.route.region}`], ['Because', body.route.reason], ['Confidence', body.confidence ?? 'asked outright'], ['Data class', body.dataClass])
  if (body.of) lines.push(['Of', body.of])
  return el('details', { 'data-keep': record.id }, el('summary', {}, summary(record)),
    el('dl', {}, ...lines.flatMap(([name, value]) => [el('dt', {}, name), el('dd', { class: 'mono' }, String(value))])))
}

export function recordTable(records, empty) {
  return table(['When', 'Device', 'Said', 'What'], records.map(({ device, record }) => [tight(time(record.at)), tight(device), verdict(record), detail(record)]), empty)
}

export const records = () => ({
  title: 'Records',
  load: async () => (await call('api/records?limit=60')).records,
  draw: (list) => [el('h2', {}, 'Records'), recordTable(list, 'No device has sent a record yet.')],
})

export const inbox = () => ({
  title: 'Inbox',
  load: async () => (await call('api/context/inbox_item')).rows.toReversed(),
  draw: (items) => [
    el('h2', {}, 'Inbox'),
    table(['Raised', 'By', 'State', 'What was said', 'Why it is here'],
      items.map(({ body }) => [
        tight(time(body.raisedAt)), body.raisedBy, mark(body.status, body.status === 'open' ? 'wait' : 'good'), `“${body.question}”`,
        body.reason === 'write_conflict' ? (body.status === 'open' ? el('a', { href: '#conflicts' }, 'choose one of two versions') : 'two versions, settled') : body.reason.replaceAll('_', ' '),
      ]),
      'Nothing waits for a person. What a device is not sure of comes here.'),
  ],
})

export const quarantine = () => ({
  title: 'Set aside',
  load: async () => (await call('api/quarantine')).items,
  draw: (items) => [
    el('h2', {}, 'Set aside'),
    table(['Last seen', 'Device', 'Reason', 'What was wrong', 'Bytes', 'Times'],
      items.map((item) => [tight(time(item.last_at)), item.device ?? '–', mark(item.reason.replaceAll('_', ' '), 'bad'), item.message, num(item.size_bytes), num(item.times)]),
      'No message was refused. What cannot be verified is kept here, with the reason.'),
  ],
})
