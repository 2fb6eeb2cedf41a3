/** What can be read of a token without its key. The server alone decides what it is worth. */

export interface Claims {
  readonly subject: string | null
  readonly name: string | null
  /** How long it lives from its making, in milliseconds; null when it does not say. */
  readonly livesMs: number | null
  /** When it ends by the issuer's clock, in milliseconds since 1970; null when it does not say. */
  readonly endsAt: number | null
}

const NOTHING: Claims = { subject: null, name: null, livesMs: null, endsAt: null }

export function readClaims(token: string): Claims {
  const middle = token.split('.')[1]
  if (middle === undefined) return NOTHING
  try {
    const bytes = Uint8Array.from(atob(middle.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof claims !== 'object' || claims === null) return NOTHING
    const { sub, name, exp, iat } = claims as Record<string, unknown>
    return {
      subject: typeof sub === 'string' ? sub : null,
      name: typeof name === 'string' ? name : null,
      livesMs: typeof exp === 'number' && typeof iat === 'number' ? (exp - iat) * 1000 : null,
      endsAt: typeof exp === 'number' ? exp * 1000 : null,
    }
  } catch {
    return NOTHING
  }
}
