/** The alias that names what devices run for which nobody chose anything else. */
export const STABLE = 'stable'
