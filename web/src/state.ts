/** The one word that the page says about the text, decided from plain facts. */

export type State =
  | 'connecting'
  | 'saving'
  | 'saved'
  | 'offline'
  | 'unsaved'
  | 'no-access'
  | 'deleted'
  | 'too-large'
  | 'readonly'

export interface Facts {
  /** The browser believes that it has a network. */
  readonly online: boolean
  /** `starting` until the first connection ends or opens. */
  readonly link: 'starting' | 'open' | 'closed'
  /** Logged in, and holding what the server has. */
  readonly joined: boolean
  readonly readonly: boolean
  /** The server or the sign-in said no. */
  readonly denied: boolean
  /** The document is no more. */
  readonly deleted: boolean
  /** The server skipped an edit because of its size. */
  readonly tooLarge: boolean
  readonly saved: boolean
  readonly refused: boolean
  /** How long the oldest unconfirmed edit has waited. */
  readonly waitedMs: number
}

/** A confirmation that takes longer than this is no longer "on its way". */
export const PATIENCE_MS = 5_000

export function stateOf(facts: Facts): State {
  if (facts.deleted) return 'deleted'
  if (facts.denied) return 'no-access'
  if (facts.tooLarge) return 'too-large'
  if (!facts.online || facts.link === 'closed') return 'offline'
  if (facts.link === 'starting' || !facts.joined) return 'connecting'
  if (facts.readonly) return 'readonly'
  if (facts.refused) return 'unsaved'
  if (facts.saved) return 'saved'
  return facts.waitedMs >= PATIENCE_MS ? 'unsaved' : 'saving'
}

/** Whether closing the page now would lose text that only this page has. */
export function wouldLose(state: State, dirty: boolean): boolean {
  return dirty && state !== 'saved' && state !== 'readonly'
}
