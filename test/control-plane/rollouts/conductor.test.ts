import { expect, it } from 'vitest'
import { openConductor } from '../../../control-plane/rollouts/conductor.ts'
import { openLog } from '../../../shared/log.ts'
import { apiStage } from '../api-stage.ts'

it('goes on letting time pass after the database failed it, and says that it did', async () => {
  const stage = await apiStage()
  let heard: () => void = () => undefined
  const complaint = async (): Promise<void> => await new Promise((resolve) => (heard = resolve))
  const log = openLog({
    part: 'centre',
    clock: stage.clock,
    json: false,
    write: (line) => {
      if (line.includes('every campaign stands still')) heard()
    },
  })
  const { db, kernel, rollout } = stage
  const conductor = openConductor({ db, kernel, rollout, log, tell: async () => await Promise.resolve() })
  const stop = conductor.start(5)
  let complaints = 0
  try {
    for (let round = 0; round < 2; round += 1) {
      const complained = complaint()
      await db.query('alter table rollout.campaign rename to campaign_away')
      await complained
      complaints += 1
      await db.query('alter table rollout.campaign_away rename to campaign')
    }
  } finally {
    await stop()
    await stage.close()
  }
  expect(complaints).toBe(2)
})
