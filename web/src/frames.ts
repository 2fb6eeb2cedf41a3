/** Reads just enough of a Hocuspocus frame to follow what is asked, sent and confirmed. */
import { createDecoder, readVarString, readVarUint } from 'lib0/decoding'

export type Frame =
  | { readonly kind: 'question' | 'answer' | 'update' | 'token-wanted' | 'other' }
  | { readonly kind: 'status'; readonly stored: boolean }
  | { readonly kind: 'closed'; readonly reason: string }

const OTHER: Frame = { kind: 'other' }
const SYNC = 0
const AUTH = 2
const CLOSE = 7
const STATUS = 8
const SYNC_KINDS = ['question', 'answer', 'update'] as const

/** Names a frame. One that cannot be read is `other`: the provider is the one to complain about it. */
export function readFrame(bytes: Uint8Array): Frame {
  // The provider's own replies are announced with an empty frame.
  if (bytes.length === 0) return OTHER
  try {
    const decoder = createDecoder(bytes)
    readVarString(decoder)
    switch (readVarUint(decoder)) {
      case SYNC: {
        const kind = SYNC_KINDS[readVarUint(decoder)]
        return kind === undefined ? OTHER : { kind }
      }
      case AUTH:
        return readVarUint(decoder) === 0 ? { kind: 'token-wanted' } : OTHER
      case CLOSE:
        return { kind: 'closed', reason: readVarString(decoder) }
      case STATUS:
        return { kind: 'status', stored: readVarUint(decoder) === 1 }
      default:
        return OTHER
    }
  } catch {
    return OTHER
  }
}
