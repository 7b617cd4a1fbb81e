/** True for base64 that is the one way of writing its bytes (RFC 4648, section 3.5: pad bits are zero). */
export function isCanonicalBase64(text: string): boolean {
  return text !== '' && Buffer.from(text, 'base64').toString('base64') === text
}
