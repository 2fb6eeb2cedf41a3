/** Disks of a test's own: one that fails on command, one that forgets what was not synced, one that is full. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, close, closeSync, mkdirSync, mkdtempSync, openSync, readSync, renameSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })

/** How a write or a sync fails, in the shim's numbers. */
export const FAULTS = { 'I/O error': 1, 'full disk': 2, 'short write': 3, 'failed sync': 4, 'failed sync that loses': 5, 'sync that loses and says nothing': 6 }

/** Faults that are counted over syncs; the others are over writes. */
export const isSync = (fault) => FAULTS[fault] >= 4

const FIELDS = ['kind', 'from', 'times', 'lies', 'writes', 'syncs', 'failed']

/** The shim and the memory by which it is told what to do. */
export class FailingDisk {
  #folder = mkdtempSync(join(tmpdir(), 'tandem-shim-'))
  #control
  #library

  constructor () {
    this.#library = join(this.#folder, 'shim.so')
    run('cc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', this.#library, resolve(fileURLToPath(import.meta.url), '../shim.c'), '-ldl')
    writeFileSync(join(this.#folder, 'control'), Buffer.alloc(FIELDS.length * 8))
    this.#control = openSync(join(this.#folder, 'control'), 'r+')
  }

  /** What a server needs in its environment so that the files of this beginning are watched. */
  environment (files) {
    return { LD_PRELOAD: this.#library, TANDEM_FAULT_FILES: files, TANDEM_FAULT_CONTROL: join(this.#folder, 'control') }
  }

  /** Counts from 0 on; the `n`-th write (or sync, as the fault is) and `times - 1` after it fail. */
  arm (fault, n, times = 1) { this.#set({ kind: fault ? FAULTS[fault] : 0, from: n, times, writes: 0, syncs: 0, failed: 0 }) }

  /** Counts from 0 on, and nothing fails. */
  disarm () { this.arm(null, 0) }

  /** Whether syncs only say that they synced. */
  set lies (lies) { this.#set({ lies: lies ? 1 : 0 }) }

  /** How many writes and syncs there were, and how many of them failed. */
  get counts () {
    const bytes = Buffer.alloc(FIELDS.length * 8)
    readSync(this.#control, bytes, 0, bytes.length, 0)
    return Object.fromEntries(FIELDS.map((field, n) => [field, Number(bytes.readBigUInt64LE(n * 8))]))
  }

  #set (values) {
    for (const [field, value] of Object.entries(values)) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64LE(BigInt(value))
      writeSync(this.#control, bytes, 0, 8, FIELDS.indexOf(field) * 8)
    }
  }

  stop () {
    closeSync(this.#control)
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** What a mount says when it is not allowed, or null where it is. */
export const cannotMount = () => {
  let disk = null
  try {
    disk = new ForgetfulDisk()
    return null
  } catch (error) {
    return String(error.stderr || error.message).trim()
  } finally {
    disk?.stop()
  }
}

/** ext4 in a loop file. A cut copies the file while it is mounted: what was not synced is still in memory, and is gone. */
export class ForgetfulDisk {
  #top = mkdtempSync(join(tmpdir(), 'tandem-cuts-'))

  constructor (bytes = 96 << 20) {
    try {
      // A database with a user of its own must get through.
      chmodSync(this.#top, 0o711)
      mkdirSync(this.folder)
      writeFileSync(this.#image, '')
      truncateSync(this.#image, bytes)
      run('mkfs.ext4', '-q', '-F', this.#image)
      this.#mount()
    } catch (error) {
      this.stop()
      throw error
    }
  }

  get folder () { return join(this.#top, 'mounted') }
  get #image () { return join(this.#top, 'disk.img') }
  get #copy () { return join(this.#top, 'cut.img') }

  /** Metadata stays in memory for a minute unless it is synced. */
  #mount () { run('mount', '-o', 'loop,commit=60', this.#image, this.folder) }

  /** Puts all that was written so far onto the disk. */
  sync () { run('sync', '--file-system', this.folder) }

  /** What is on the disk at this moment; whoever writes must stand still. */
  cut () { run('cp', '--sparse=always', this.#image, this.#copy) }

  /** The power is back: the disk is what it was at the cut. Nobody may use the folder. */
  restore () {
    run('umount', this.folder)
    // To give back the blocks of what the disk was may take a file system seconds: held open it does so when nobody waits.
    const was = openSync(this.#image, 'r')
    renameSync(this.#copy, this.#image)
    close(was, () => {})
    this.#mount()
  }

  stop () {
    // Whether it is mounted is not known where something failed.
    spawnSync('umount', ['-l', this.folder])
    rmSync(this.#top, { recursive: true, force: true })
  }
}

/** A small file system in memory, which a file of ballast can fill. */
export class SmallDisk {
  #top = mkdtempSync(join(tmpdir(), 'tandem-small-'))

  constructor (megabytes) {
    mkdirSync(this.folder)
    run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', this.folder)
  }

  get folder () { return join(this.#top, 'mounted') }

  /** Leaves no room at all. */
  fill () {
    const ballast = openSync(join(this.folder, 'ballast'), 'w')
    const block = Buffer.alloc(4096)
    try {
      for (;;) writeSync(ballast, block)
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error
    } finally {
      closeSync(ballast)
    }
  }

  /** Gives the room back. */
  free () { rmSync(join(this.folder, 'ballast')) }

  stop () {
    run('umount', '-l', this.folder)
    rmSync(this.#top, { recursive: true, force: true })
  }
}
