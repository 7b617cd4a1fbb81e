/** Names of roles and targets as parts of a URL and as file names: no name reaches outside of its folder. */

/** Everything percent-encoded but letters, digits and `_.-~`, the unreserved letters of RFC 3986. */
function quoted(name: string): string {
  return encodeURIComponent(name).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The name of a file that holds what is called `name`; never `.` or `..`. */
export function fileName(name: string): string {
  return /^\.{1,2}$/.test(name) ? name.replaceAll('.', '%2E') : quoted(name)
}

/** The name under which a repository serves a role's metadata; without a version where it keeps no consistent snapshots. */
export function metadataName(role: string, version: number | undefined): string {
  return version === undefined ? `${quoted(role)}.json` : `${version}.${quoted(role)}.json`
}

/** The path under which a repository serves a target: with `hash` its last part is `HASH.NAME` (spec, section 6.2). */
export function targetLocation(path: string, hash: string | undefined): string {
  const cut = path.lastIndexOf('/') + 1
  const name = path.slice(cut)
  return path.slice(0, cut) + (hash === undefined ? name : `${hash}.${name}`)
}

/** A target's location as a URL path: only what a path may not carry is escaped, and no segment is `.` or `..`. */
export function urlPath(location: string): string {
  return location
    .split('/')
    .map((part) => fileName(part).replace(/%(?:2[146789ABC]|3[ABD]|40)/g, decodeURIComponent))
    .join('/')
}
