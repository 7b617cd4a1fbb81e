/** What a person is told while the centre does not serve this version of the context. Every table hears the same, so it is logged once. */
import type { Log } from '../../shared/log.ts'

export class Refusal {
  text: string | null = null

  hear(text: string, log: Log): void {
    if (this.text !== text) log.warn('the context waits', { refusal: text })
    this.text = text
  }

  lift(): void {
    this.text = null
  }
}
