#!/usr/bin/env node
/**
 * A TUF client as a command. It is started anew for every step, so it loads only what it needs:
 *
 *   tuf-cli --metadata-dir DIR init ROOT.json
 *   tuf-cli --metadata-url URL --metadata-dir DIR refresh
 *   tuf-cli --metadata-url URL --metadata-dir DIR --target-name T … --target-dir TD --target-base-url BU download
 *
 * Exit 0: all of it is done. 1: refused or failed. 2: the words are wrong.
 */
import { runTufCommand } from './tuf/command.ts'

const { status, complaint } = await runTufCommand(process.argv.slice(2), Date.now())
if (complaint !== '') process.stderr.write(complaint)
process.exitCode = status
