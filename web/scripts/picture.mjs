/**
 * Takes docs/picture.png, the README's picture: two people in one document, one of them in the dark.
 *
 * It starts the real server on a free port in a temporary folder, and types in two windows of headless Chromium.
 * Run it by hand when the page has changed: `make picture`, or with TANDEM_BIN naming a server, `npm run picture`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../../..')
const { chromium } = createRequire(join(root, 'tests/browser/package.json'))('@playwright/test')

const BYTES_MAX = 300_000
const WINDOW = { width: 760, height: 560 }
const DOCUMENT = 'lively-harbor-k7mq2x'
/** A desktop has a better face for `system-ui` than a server's first one. */
const FONTS = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  ${['system-ui', 'sans-serif', 'sans', 'DejaVu Sans']
    .map(
      (family) => `<match target="pattern"><test name="family"><string>${family}</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string><string>Liberation Sans</string></edit></match>`,
    )
    .join('')}
</fontconfig>`

const folder = await mkdtemp(join(tmpdir(), 'tandem-picture-'))
const undo = [() => rm(folder, { recursive: true, force: true })]
try {
  const url = await startServer()
  const browser = await startBrowser()
  const [ada, grace] = [
    await open(browser, url, { name: 'Ada Lovelace', hue: 2, colorScheme: 'light' }),
    await open(browser, url, { name: 'Grace Hopper', hue: 1, colorScheme: 'dark' }),
  ]
  await write(ada, grace)
  const shots = await Promise.all([ada, grace].map((page) => page.screenshot({ scale: 'device' })))
  const picture = await sideBySide(browser, shots)
  if (picture.length > BYTES_MAX) throw new Error(`the picture has ${picture.length} bytes, more than ${BYTES_MAX}`)
  const file = join(root, 'docs/picture.png')
  await writeFile(file, picture)
  console.log(`docs/picture.png: ${(await stat(file)).size} bytes`)
} finally {
  for (const step of undo.reverse()) await step()
}

/** Starts the server and waits until it is ready. */
async function startServer() {
  const binary = process.env.TANDEM_BIN
  if (!binary) throw new Error('TANDEM_BIN must name the server, for example ../target/debug/tandem')
  const port = await freePort()
  const child = spawn(binary, ['serve'], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      DATABASE_URL: `sqlite://${join(folder, 'tandem.db')}?mode=rwc`,
      TANDEM__SERVER__LISTEN: `127.0.0.1:${port}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit')
  undo.push(async () => {
    child.kill('SIGTERM')
    await ended
  })
  let complaint = ''
  child.stderr.on('data', (bytes) => (complaint += bytes))
  const url = `http://127.0.0.1:${port}/`
  const deadline = Date.now() + 30_000
  for (;;) {
    const ready = await fetch(`${url}health/ready`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (ready) return url
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the server is not ready: ${complaint}`)
    await new Promise((later) => setTimeout(later, 50))
  }
}

async function startBrowser() {
  const fonts = join(folder, 'fonts.conf')
  await writeFile(fonts, FONTS)
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    env: { ...process.env, FONTCONFIG_FILE: fonts },
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  undo.push(() => browser.close())
  return browser
}

/** A window of somebody's own. */
async function open(browser, url, { name, hue, colorScheme }) {
  const context = await browser.newContext({ viewport: WINDOW, deviceScaleFactor: 2, colorScheme })
  const page = await context.newPage()
  await page.addInitScript((person) => localStorage.setItem('tandem:person', JSON.stringify(person)), { name, hue })
  await page.goto(`${url}?doc=${DOCUMENT}`)
  await saved(page)
  return page
}

/** A plan that two people are in the middle of. The last words of each are under way when the picture is taken. */
async function write(ada, grace) {
  await ada.getByRole('textbox', { name: 'Title' }).fill('Open day at the museum')
  const text = ada.locator('.ProseMirror')
  await text.click()
  await ada.keyboard.type('## What visitors will see\n')
  await ada.keyboard.type('The engine weaves algebraic patterns, just as the loom weaves flowers and leaves. We show both, side by side, and let people turn the crank.\n')
  await ada.keyboard.type('- Two tables by the north window\n')
  await ada.keyboard.type('A deck of punched cards to take home\n\n')
  await ada.keyboard.type('> Bring a question.\n\n')
  await ada.keyboard.type('Doors open at ten.')
  await saved(ada)
  const loom = grace.locator('.ProseMirror li').first()
  await loom.click()
  await grace.keyboard.press('End')
  await ada.keyboard.press('ControlOrMeta+End')
  await Promise.all([grace.keyboard.type(', and chairs for twelve', { delay: 25 }), ada.keyboard.type(' Coffee is on us', { delay: 25 })])
  for (const page of [ada, grace]) {
    await page.getByRole('button', { name: '2 people are here' }).waitFor()
    await page.getByText('Coffee is on us').waitFor()
    await page.getByText('chairs for twelve').waitFor()
    await saved(page)
    await page.locator('.caret:not(.resting)').waitFor()
  }
}

async function saved(page) {
  await page.locator('#pill[data-state="saved"]').waitFor()
}

async function sideBySide(browser, shots) {
  const page = await browser.newPage({ viewport: { width: 1600, height: 640 }, deviceScaleFactor: 1.25 })
  const images = shots.map((shot) => `<img src="data:image/png;base64,${shot.toString('base64')}">`)
  await page.setContent(`<style>
    body { display: flex; gap: 24px; align-items: center; justify-content: center; height: 100vh; margin: 0; background: #e9e5dc }
    img { width: ${WINDOW.width}px; height: ${WINDOW.height}px; border-radius: 12px; box-shadow: 0 0 0 1px rgb(31 30 27 / 12%), 0 14px 32px -14px rgb(31 30 27 / 40%) }
  </style>${images.join('')}`)
  await page.waitForFunction(() => [...document.images].every((image) => image.complete))
  return page.screenshot()
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}
