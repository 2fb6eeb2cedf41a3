/** What every test file begins with: a server, names that never repeat, and clients that are gone when a test ends. */
import { randomUUID } from 'node:crypto'
import { after, afterEach, before } from 'node:test'

import { HClient, HocuspocusSocket, YClient, open } from './clients.mjs'
import { Proxy } from './proxy.mjs'
import { Raw } from './raw.mjs'
import { Server } from './server.mjs'
import { token } from './tokens.mjs'

/** A document name that no other test uses. */
export const fresh = (what = 'doc') => `${what}-${randomUUID().slice(0, 8)}`

/**
 * Keeps what a test opens and closes it afterwards.
 */
export class Company {
  #members = new Set()
  #people = 0

  /** Closes with the test whatever has `destroy` or `stop`. */
  keep (member) {
    this.#members.add(member)
    return member
  }

  /**
   * Somebody on a document: a client of `kind` under a token of its own subject, unless one is given.
   */
  join (server, kind, name, how = {}) {
    const who = how.who ?? `person ${(this.#people += 1)}`
    return this.keep(open(kind, server, name, { token: token(who), ...how, who }))
  }

  hocuspocus (server, name, how) { return /** @type {HClient} */ (this.join(server, 'hocuspocus', name, how)) }
  yjs (server, name, how) { return /** @type {YClient} */ (this.join(server, 'y-websocket', name, how)) }
  socket (server, how) { return this.keep(new HocuspocusSocket(server, how)) }
  async proxy (server) { return this.keep(await Proxy.start(server.port)) }
  async raw (opening) { return this.keep(await opening) }

  /** A server of its own, for a test that breaks it. */
  async server (environment) {
    const server = await Server.start(environment)
    this.keep({ stop: () => server.stop({ clean: false }) })
    return server
  }

  /** Closes one of them now, and lets go of what it holds. */
  dismiss (member) {
    if (this.#members.delete(member)) member.destroy()
  }

  async leave () {
    const members = [...this.#members].reverse()
    this.#members.clear()
    for (const member of members) {
      if (member.destroy) member.destroy()
      else await member.stop()
    }
  }
}

/**
 * One server for the tests of a file, whose clean end is part of the test.
 *
 * @param {Record<string, string>} [environment]
 */
export const suite = (environment) => {
  const shared = { server: /** @type {Server} */ (null), company: new Company() }
  before(async () => { shared.server = await Server.start(environment) })
  afterEach(() => shared.company.leave())
  after(() => shared.server?.stop())
  return shared
}

export { Raw, Server, token }
