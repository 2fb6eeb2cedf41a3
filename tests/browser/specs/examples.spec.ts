/** The TipTap example, served as its README says. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, SERVER_GONE, test as base } from '../support/fixture'
import { freePort } from '../support/server'

const EXAMPLE = fileURLToPath(new URL('../../../examples/tiptap-hocuspocus', import.meta.url))

const test = base.extend<{ serve: (tandem: string) => Promise<string> }>({
  /** Runs `npm run dev` of the example before a server, and gives the example's address. */
  serve: async ({}, use) => {
    const ends: (() => Promise<unknown>)[] = []
    await use(async (tandem) => {
      const port = await freePort()
      const vite = spawn(process.execPath, ['node_modules/vite/bin/vite.js', '--port', String(port), '--strictPort'], {
        cwd: EXAMPLE,
        env: { ...process.env, TANDEM_URL: tandem.replace(/\/$/, ''), NO_COLOR: '1' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const ended = once(vite, 'exit')
      ends.push(() => (vite.kill(), ended))
      return await new Promise<string>((resolve, reject) => {
        let said = ''
        const hear = (chunk: Buffer) => {
          said += chunk.toString()
          const address = /Local:\s+(http:\S+)/.exec(said)?.[1]
          if (address !== undefined) resolve(address)
        }
        vite.stdout.on('data', hear)
        vite.stderr.on('data', hear)
        void ended.then(() => reject(new Error(`vite ended: ${said}`)))
      })
    })
    await Promise.all(ends.map((end) => end()))
  },
})

test('the TipTap example: two windows share a page, which outlives the server', async ({ person, startServer, serve, name }) => {
  const server = await startServer()
  const visit = { at: `${await serve(server.url)}#${name}`, until: null, allow: SERVER_GONE }
  const [ada, grace] = [await person('Ada', visit), await person('Grace', visit)]
  const state = ada.page.getByRole('status')
  await expect(state).toHaveText('Saved')
  await ada.types('# Shared\nby two')
  await expect(grace.text.locator('h1')).toHaveText('Shared')
  await grace.types(' windows')
  await expect(ada.text).toContainText('by two windows')
  await ada.hasSame(grace)

  await expect(state).toHaveText('Saved')
  await expect(grace.page.getByRole('status')).toHaveText('Saved')
  await server.kill()
  await expect(state).toHaveText('Offline, kept here')
  await ada.types(' and a pause')
  await server.start()
  await expect(grace.text).toContainText('and a pause', { timeout: 45_000 })
  await expect(state).toHaveText('Saved')
  await ada.hasSame(grace)

  await ada.page.reload()
  await expect(ada.text).toContainText('by two windows and a pause')
  await ada.hasSame(grace)
})
