/** Loaded before a process of Starling: its wall clock lies SHIFT_CLOCK_DAYS beside the machine's. */
const RealDate = Date
const shiftMs = Number(process.env.SHIFT_CLOCK_DAYS) * 86_400_000
const now = () => RealDate.now() + shiftMs

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now())
    else super(...args)
  }

  static now() {
    return now()
  }
}
