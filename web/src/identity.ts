/**
 * Who is sitting here: a token that the server believes, and a name and colour for the others to see.
 *
 * A token from the address belongs to this tab and is never replaced by a guest's: somebody gave it for a
 * purpose. Without one the page logs in as a guest, where guests are welcome, and stays the same guest in
 * every tab until the token ends.
 */
import { freshHue, freshPersonName } from './names'
import { cleanName, isHue, type Person } from './person'
import { apiUrl } from './place'
import { keep, recall } from './store'
import { readClaims } from './token'

/** The server does not let us in, and asking again changes nothing. */
export class NoAccess extends Error {
  constructor(readonly reason: 'guests-off' | 'token-ended') {
    super(reason)
  }
}

/** The server could not be asked. Later it may be. */
export class Unreachable extends Error {}

interface Pass {
  readonly token: string
  readonly origin: 'address' | 'guest'
  readonly subject: string
  /** When it ends by this computer's clock, in milliseconds since 1970. */
  readonly endsAt: number
}

/** The server asks for a fresh token thirty seconds before the end; a little more keeps slow clocks out of it. */
const REFRESH_BEFORE_MS = 45_000
const GUEST_CALL_MS = 10_000

export class Identity {
  #pass: Pass | null
  #stale = false
  #pending: Promise<string> | null = null
  #person: Person

  constructor(tokenFromAddress: string | null) {
    if (tokenFromAddress !== null) keep('session', 'pass', passOf(tokenFromAddress, 'address'))
    this.#pass = passFrom(recall('session', 'pass')) ?? passFrom(recall('local', 'pass'))
    const claimed = this.#pass?.origin === 'address' ? readClaims(this.#pass.token).name : null
    this.#person = rememberedPerson(claimed, this.#pass?.subject ?? '')
  }

  get person(): Person {
    return this.#person
  }

  /** Whether the page came in as a guest, as others could too. */
  get isGuest(): boolean {
    return this.#pass?.origin === 'guest'
  }

  /** Whether the page came in with a token from its address. */
  get isFromAddress(): boolean {
    return this.#pass?.origin === 'address'
  }

  /** Whether the token says whose it is; one that was cut or mistyped does not. */
  get isLegible(): boolean {
    return this.#pass?.subject !== ''
  }

  /** Takes another name, here and in this browser's memory. */
  rename(name: string): Person {
    const clean = cleanName(name)
    if (clean !== '') {
      this.#person = { ...this.#person, name: clean }
      rememberPerson(this.#person)
    }
    return this.#person
  }

  /** A token for the server, at once when the one at hand is good. Fails with `NoAccess` or `Unreachable`. */
  token(): string | Promise<string> {
    const pass = this.#pass
    if (pass !== null && !this.#stale && pass.endsAt - Date.now() > REFRESH_BEFORE_MS) return pass.token
    if (pass?.origin === 'address') {
      this.#stale = false
      // We cannot make another; what is left of it is used up to its end.
      return pass.endsAt > Date.now() ? pass.token : Promise.reject(new NoAccess('token-ended'))
    }
    // The lock: several askers share one guest.
    this.#pending ??= this.#becomeGuest().finally(() => {
      this.#pending = null
    })
    return this.#pending
  }

  /** The server wants a fresh token, whatever our clock says. */
  expire(): void {
    this.#stale = true
  }

  /** The server refused this token. Returns whether another one can be had. */
  discard(): boolean {
    const wasGuest = this.#pass?.origin !== 'address'
    if (wasGuest) {
      this.#pass = null
      keep('local', 'pass', null)
    }
    return wasGuest
  }

  /** Forgets a token from the address, so that the page may try as a guest. */
  forgetAddressToken(): void {
    keep('session', 'pass', null)
    this.#pass = null
  }

  async #becomeGuest(): Promise<string> {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    // A guest who comes back with a token that still holds asks to stay who he is.
    if (this.#pass !== null) headers['authorization'] = `Bearer ${this.#pass.token}`
    let response: Response
    let body: unknown
    try {
      response = await fetch(apiUrl('auth/guest'), {
        method: 'POST',
        headers,
        body: JSON.stringify({ name: this.#person.name }),
        signal: AbortSignal.timeout(GUEST_CALL_MS),
      })
      if ([401, 403, 404, 405].includes(response.status)) throw new NoAccess('guests-off')
      if (!response.ok) throw new Unreachable(`the server answered ${response.status}`)
      body = await response.json()
    } catch (error) {
      throw error instanceof NoAccess ? error : new Unreachable('the server did not answer', { cause: error })
    }
    const { token, expires_at, subject } = body as Record<string, unknown>
    if (typeof token !== 'string') throw new Unreachable('the server gave no token')
    const pass = passOf(token, 'guest', typeof expires_at === 'string' ? Date.parse(expires_at) : Number.NaN)
    this.#pass = typeof subject === 'string' ? { ...pass, subject } : pass
    this.#stale = false
    this.#person = { ...this.#person, id: this.#pass.subject }
    keep('local', 'pass', this.#pass)
    return token
  }
}

function passOf(token: string, origin: Pass['origin'], endsAt = Number.NaN): Pass {
  const claims = readClaims(token)
  // The length of its life does not depend on whose clock is right, when it has just been made.
  const byLife = origin === 'guest' && claims.livesMs !== null ? Date.now() + claims.livesMs : null
  const end = byLife ?? claims.endsAt ?? (Number.isNaN(endsAt) ? Date.now() + 3_600_000 : endsAt)
  return { token, origin, subject: claims.subject ?? '', endsAt: end }
}

function passFrom(kept: unknown): Pass | null {
  if (typeof kept !== 'object' || kept === null) return null
  const { token, origin, subject, endsAt } = kept as Record<string, unknown>
  if (typeof token !== 'string' || typeof subject !== 'string' || typeof endsAt !== 'number') return null
  if (origin === 'address') return { token, origin, subject, endsAt }
  // A guest whose token has ended becomes a new one; one from the address must be seen to have ended.
  return origin === 'guest' && endsAt > Date.now() ? { token, origin, subject, endsAt } : null
}

function rememberedPerson(claimed: string | null, subject: string): Person {
  const kept = recall('local', 'person')
  const fields = (typeof kept === 'object' && kept !== null ? kept : {}) as Record<string, unknown>
  const hue = fields['hue']
  const person = {
    id: subject,
    name: cleanName(claimed) || cleanName(fields['name']) || freshPersonName(),
    hue: isHue(hue) ? hue : freshHue(),
  }
  rememberPerson(person)
  return person
}

function rememberPerson(person: Person): void {
  keep('local', 'person', { name: person.name, hue: person.hue })
}
