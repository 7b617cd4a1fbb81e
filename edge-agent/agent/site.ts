/** What the agents on this device's leaf fetch, kept once for all of them. */
import { join } from 'node:path'
import type { Closers } from '../../shared/closers.ts'
import { realDisk } from '../models-store/disk.ts'
import { openSiteCache, type SiteCache } from '../site/site-cache.ts'

export async function openSite(
  folder: string,
  parts: Pick<Parameters<typeof openSiteCache>[0], 'connection' | 'ask' | 'log'>,
  closers: Closers,
): Promise<SiteCache> {
  const site = await openSiteCache({ ...parts, folder: join(folder, 'site-cache'), disk: realDisk })
  closers.add(async () => await site.close())
  return site
}
