/** What every test gets: a server, a document of its own, and people. Any complaint of a page fails the test. */
import { type BrowserContextOptions, expect, test as base } from '@playwright/test'
import { randomUUID } from 'node:crypto'
import { Person, type State } from './person'
import { Server } from './server'
import { Wire } from './wire'

export interface Visit {
  readonly hue?: number
  readonly document?: string
  /** Another address than that of the page, such as an example's. */
  readonly at?: string
  readonly server?: Server
  readonly token?: string
  /** What the pill says once the page is there; `null` to look at nothing. */
  readonly until?: State | null
  /** Complaints of the browser that belong to the test, such as a refused connection. */
  readonly allow?: RegExp
  readonly wire?: (wire: Wire) => void
  readonly context?: BrowserContextOptions
  readonly before?: (person: Person) => Promise<void>
}

interface Tests {
  /** A document name that no other test and no repetition uses. */
  name: string
  /** What pages complained of and was not allowed. Whatever is left of it at the end fails the test. */
  complaints: string[]
  /** Brings somebody to the page, in a browser of their own. */
  person: (name: string, visit?: Visit) => Promise<Person & { wire: Wire | null }>
  /** Starts a server for this test alone. */
  startServer: (settings?: Record<string, string>) => Promise<Server>
}

interface Workers {
  server: Server
}

/** What Chromium says of itself when a server is gone. */
export const SERVER_GONE = /WebSocket connection to|net::ERR_|Failed to load resource/

export const test = base.extend<Tests, Workers>({
  server: [
    async ({}, use) => {
      const server = await Server.start()
      await use(server)
      await server.dispose()
    },
    { scope: 'worker' },
  ],

  name: async ({}, use) => {
    await use(`test-${randomUUID()}`)
  },

  startServer: async ({}, use) => {
    const started: Server[] = []
    await use(async (settings) => {
      const server = await Server.start(settings)
      started.push(server)
      return server
    })
    await Promise.all(started.map((server) => server.dispose()))
  },

  complaints: async ({}, use) => {
    const complaints: string[] = []
    await use(complaints)
    expect(complaints, 'no page complains').toEqual([])
  },

  // Everybody leaves before a server ends, or their pages would complain of it.
  person: async ({ browser, contextOptions, server, startServer: _outlives, name, complaints }, use) => {
    const contexts: { close(): Promise<void> }[] = []
    await use(async (who, visit = {}) => {
      const context = await browser.newContext({ ...contextOptions, ...visit.context })
      contexts.push(context)
      const page = await context.newPage()
      const complain = (what: string) => {
        if (!visit.allow?.test(what)) complaints.push(`${who}: ${what}`)
      }
      page.on('pageerror', (error) => complain(error.stack ?? error.message))
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complain(message.text())
      })
      await page.exposeFunction('reportViolation', (what: string) => complaints.push(`${who}: policy: ${what}`))
      await page.addInitScript(
        ([name, hue]) => {
          document.addEventListener('securitypolicyviolation', (event) => {
            const report = (window as unknown as { reportViolation: (what: string) => void }).reportViolation
            report(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`)
          })
          localStorage.setItem('tandem:person', JSON.stringify({ name, hue }))
        },
        [who, visit.hue ?? 0] as const,
      )
      const wire = visit.wire ? await Wire.between(page) : null
      if (wire) visit.wire?.(wire)
      const person = Object.assign(new Person(page), { wire })
      await visit.before?.(person)
      const url = new URL(visit.at ?? (visit.server ?? server).url)
      if (visit.at === undefined) url.searchParams.set('doc', visit.document ?? name)
      if (visit.token !== undefined) url.hash = `token=${visit.token}`
      await page.goto(url.href)
      if (visit.until !== null) await person.sees(visit.until ?? 'saved')
      return person
    })
    for (const context of contexts) await context.close()
  },
})

export { expect }
