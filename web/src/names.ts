/** Names that people can read, say and remember. */

const QUALITIES = (
  'amber ancient bright brisk calm candid clear copper coral crisp dawn deep early easy even fair fine first ' +
  'gentle glad golden green hazel honest ivory keen kind late light little lively lucid mellow mild misty noble ' +
  'open pale patient plain polar proud quick quiet rapid ready round silver simple slow snowy soft solid steady ' +
  'still summer swift tidy warm winter'
).split(' ')
const THINGS = (
  'acorn anchor arbor atlas bay beacon birch bridge brook canyon cedar cliff cloud comet cove delta ember fern field ' +
  'fjord forest garden glade grove harbor heath hill island juniper lagoon lake lantern maple marsh meadow mill moon ' +
  'moss oak orchard pebble pine plain pond prairie reef ridge river shore slope spring star stone summit tide trail ' +
  'valley willow wind wood'
).split(' ')
const BIRDS = (
  'Avocet Bittern Bunting Crane Curlew Dipper Dunlin Egret Finch Godwit Heron Ibis Jay Kestrel Kite Lark Linnet Martin ' +
  'Merlin Osprey Owl Petrel Pipit Plover Puffin Rail Robin Ruff Sanderling Shrike Siskin Starling Swallow Swift Teal ' +
  'Tern Thrush Wagtail Warbler Wren'
).split(' ')
/** Without the letters and figures that are taken for one another. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'

/** Gives a number from 0 up to, not including, `below`. */
export type Random = (below: number) => number

const chance: Random = (below) => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % below

function pick<T>(from: ArrayLike<T>, random: Random): T {
  return from[random(from.length)] as T
}

/** A name for a new document, such as `quiet-harbor-k7mq2x`. */
export function freshDocumentName(random: Random = chance): string {
  const tail = Array.from({ length: 6 }, () => pick(LETTERS, random)).join('')
  return `${pick(QUALITIES, random)}-${pick(THINGS, random)}-${tail}`
}

/** A name for somebody who has not said theirs, such as `Quiet Heron`. */
export function freshPersonName(random: Random = chance): string {
  const quality = pick(QUALITIES, random)
  return `${quality.charAt(0).toUpperCase()}${quality.slice(1)} ${pick(BIRDS, random)}`
}

/** One of the eight colours of people. */
export function freshHue(random: Random = chance): number {
  return random(8)
}
