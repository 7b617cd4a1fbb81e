/** The installed package's own folder, whether this runs from the source tree or compiled from `dist/`. */
const here = new URL('../', import.meta.url)

/** Files that are not code (models, pages, the database template) are read from here, never copied into `dist/`. */
export function packageRoot(): URL {
  return here.pathname.endsWith('/dist/') ? new URL('../', here) : here
}
