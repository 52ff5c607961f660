// SHA-256 (FIPS 180-4), streaming. `crypto.subtle` exists only on https and localhost and cannot stream, so the portal has its own.
// Imported it gives `Sha256`, `sha256` and `hex`; started as a module worker it fingerprints one File and reports how far it is.

const K = new Int32Array(64);
const INIT = new Int32Array(8);

// The constants are the fractional parts of the cube and square roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3).
// Doubles give 32 correct bits here; the known answers in the folder's README were checked against them.
(function constants() {
  const frac = x => ((x - Math.floor(x)) * 2 ** 32) | 0;
  for (let candidate = 2, n = 0; n < 64; candidate++) {
    let prime = true;
    for (let d = 2; d * d <= candidate; d++)
      if (candidate % d === 0) {
        prime = false;
        break;
      }
    if (!prime) continue;
    if (n < 8) INIT[n] = frac(Math.sqrt(candidate));
    K[n++] = frac(Math.cbrt(candidate));
  }
})();

export class Sha256 {
  #state = INIT.slice();
  #schedule = new Int32Array(64);
  #block = new Uint8Array(64);
  #filled = 0;
  #length = 0; // bytes; exact up to 2^53

  /** Takes the next bytes (a Uint8Array); may be called any number of times before digest(). */
  update(bytes) {
    this.#length += bytes.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(64 - this.#filled, bytes.length);
      this.#block.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < 64) return this;
      this.#compress(this.#block, 0, 1);
      this.#filled = 0;
    }
    const blocks = (bytes.length - at) >>> 6;
    this.#compress(bytes, at, blocks);
    at += blocks * 64;
    this.#block.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
    return this;
  }

  /** The 32 bytes. The object is used up afterwards. */
  digest() {
    const padding = new Uint8Array(this.#filled < 56 ? 64 - this.#filled : 128 - this.#filled);
    const bits = new DataView(padding.buffer);
    padding[0] = 0x80;
    bits.setUint32(padding.length - 8, Math.floor(this.#length / 2 ** 29));
    bits.setUint32(padding.length - 4, this.#length << 3);
    this.update(padding);
    const out = new Uint8Array(32);
    const view = new DataView(out.buffer);
    this.#state.forEach((word, i) => view.setInt32(i * 4, word));
    return out;
  }

  #compress(bytes, at, blocks) {
    const w = this.#schedule;
    const s = this.#state;
    for (; blocks > 0; blocks--, at += 64) {
      for (let i = 0, p = at; i < 16; i++, p += 4) w[i] = (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3];
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15],
          y = w[i - 2];
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      let a = s[0],
        b = s[1],
        c = s[2],
        d = s[3],
        e = s[4],
        f = s[5],
        g = s[6],
        h = s[7];
      for (let i = 0; i < 64; i++) {
        const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g;
        g = f;
        f = e;
        e = (d + t1) | 0;
        d = c;
        c = b;
        b = a;
        a = (t1 + t2) | 0;
      }
      s[0] += a;
      s[1] += b;
      s[2] += c;
      s[3] += d;
      s[4] += e;
      s[5] += f;
      s[6] += g;
      s[7] += h;
    }
  }
}

/** The 32 bytes for one Uint8Array. */
export const sha256 = bytes => new Sha256().update(bytes).digest();

/** Lower-case hex digits. */
export const hex = bytes => Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('');

const PIECE_BYTES = 4 * 1024 * 1024;

// Worker: {file} in; {done, total} after each piece; at the end {hex, base64}, or {error} when the file can no longer be read.
if (typeof WorkerGlobalScope !== 'undefined') {
  self.onmessage = async ({ data: { file } }) => {
    try {
      const hash = new Sha256();
      for (let at = 0; at < file.size; at += PIECE_BYTES) {
        const end = Math.min(at + PIECE_BYTES, file.size);
        hash.update(new Uint8Array(await file.slice(at, end).arrayBuffer()));
        self.postMessage({ done: end, total: file.size });
      }
      const digest = hash.digest();
      self.postMessage({ hex: hex(digest), base64: btoa(String.fromCharCode(...digest)) });
    } catch (error) {
      self.postMessage({ error: String(error) });
    }
  };
}
