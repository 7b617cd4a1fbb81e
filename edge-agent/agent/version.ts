/** What a bundle's `minimalRuntime` is compared with. */
export const RUNTIME_VERSION = '0.1.0'
