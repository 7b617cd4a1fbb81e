/** What the agents on a site's leaf fetch, kept once for all of them by the one that keeps the leaf. */
import { join } from 'node:path'
import type { Closers } from '../../shared/closers.ts'
import type { DeviceId } from '../../shared/ids.ts'
import { realDisk } from '../models-store/disk.ts'
import { openSiteCache } from '../site/site-cache.ts'
import { askSite, type SitePieces } from '../site/site-pieces.ts'

export async function openSite(
  folder: string,
  {
    device,
    isKept,
    ...parts
  }: Pick<Parameters<typeof openSiteCache>[0], 'connection' | 'ask' | 'log'> & {
    readonly device: DeviceId
    /** This device keeps the leaf. */
    readonly isKept: boolean
  },
  closers: Closers,
): Promise<SitePieces> {
  if (!isKept) return askSite(parts.connection, device)
  const site = await openSiteCache({ ...parts, folder: join(folder, 'site-cache'), disk: realDisk })
  closers.add(async () => await site.close())
  return site
}
