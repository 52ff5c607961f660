// One upload, without any page: fingerprint the file, send it, and tell what came of it. share.js shows it.
// Every try of one upload carries the same Idempotency-Key: when an answer was lost, asking again finds it and makes no second version.
import { hex } from './sha256.js';
import { changeHeaders, now, retryAfter, syllabusPath } from './base.js';

const CHECK_MAX_BYTES = 512 * 1024 * 1024; // above it the fingerprint is the server's alone
const RATE_WINDOW_MS = 3000; // speed is measured over the last three seconds

/** 128 random bits; crypto.randomUUID is missing on plain http. */
const newKey = () => hex(crypto.getRandomValues(new Uint8Array(16)));

/**
 * on.check(done, total, seconds_left), on.checked(hex or null), on.send({sent, total, rate, left_s}), on.write(), on.done(record, same),
 * on.waits(course): taken, but a maintainer has to accept it; on.fail({status, problem, retry_s, percent, late}), on.cancelled(). status 0: no answer came; late: all bytes had been sent by then.
 */
export class Upload {
  #worker = null;
  #xhr = null;
  #key = newKey();
  #digest = null; // {hex, base64} once computed; tries after the first need not compute it again
  #over = false;

  constructor({ course, file, fields, ifMatch }, on) {
    Object.assign(this, { course, file, fields, ifMatch, on });
  }

  get fingerprint() {
    return this.#digest?.hex ?? null;
  }

  start() {
    this.#over = false;
    if (this.#digest || this.file.size > CHECK_MAX_BYTES) this.#send();
    else this.#check();
  }

  /** Only before all bytes are sent; later nobody can take it back. */
  cancel() {
    if (this.#over) return;
    this.#over = true;
    this.#worker?.terminate();
    this.#xhr?.abort();
    this.on.cancelled();
  }

  #fail(failure) {
    if (this.#over) return;
    this.#over = true;
    this.on.fail({ status: 0, problem: {}, retry_s: 0, percent: 0, late: false, ...failure });
  }

  #check() {
    const began = now();
    const worker = new Worker(new URL('./sha256.js', import.meta.url), { type: 'module' });
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      if (data.error) {
        worker.terminate();
        this.#fail({ unread: true });
        return;
      }
      if (!data.hex) {
        this.on.check(data.done, data.total, ((now() - began) / 1000 / data.done) * (data.total - data.done));
        return;
      }
      worker.terminate();
      this.#digest = data;
      this.#send();
    };
    // Without a worker (an old browser) the server's check is the only one.
    worker.onerror = () => {
      worker.terminate();
      this.#send();
    };
    worker.postMessage({ file: this.file });
  }

  async #send() {
    if (this.#over) return;
    this.on.checked(this.fingerprint);
    const headers = await changeHeaders();
    if (this.#over) return;
    const xhr = new XMLHttpRequest();
    this.#xhr = xhr;
    const marks = [{ at: now(), sent: 0 }];
    let sent = 0;
    let all = false;
    xhr.open('PUT', syllabusPath(this.course, { filename: this.file.name, ...this.fields }));
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.setRequestHeader('Idempotency-Key', this.#key);
    if (this.#digest) xhr.setRequestHeader('Content-Digest', `sha-256=:${this.#digest.base64}:`);
    if (this.ifMatch) xhr.setRequestHeader('If-Match', `"${this.ifMatch}"`);
    xhr.upload.onprogress = event => {
      sent = event.loaded;
      marks.push({ at: now(), sent });
      while (marks.length > 2 && marks[1].at < now() - RATE_WINDOW_MS) marks.shift();
      const span_ms = now() - marks[0].at;
      const rate = span_ms > 200 ? ((sent - marks[0].sent) / span_ms) * 1000 : 0;
      this.on.send({ sent, total: this.file.size, rate, left_s: rate > 0 ? (this.file.size - sent) / rate : NaN });
    };
    xhr.upload.onload = () => {
      all = true;
      this.on.write();
    };
    xhr.onerror = () => this.#fail({ percent: Math.floor((sent / this.file.size) * 100), late: all });
    xhr.onload = () => this.#answer(xhr);
    xhr.send(this.file);
  }

  #answer(xhr) {
    if (this.#over) return;
    let body = {};
    try {
      body = JSON.parse(xhr.responseText);
    } catch {
      /* not ours: a proxy's page; the status says enough */
    }
    if (xhr.status === 202) {
      this.#over = true;
      this.on.waits(body.record?.course ?? this.course);
      return;
    }
    if ((xhr.status !== 200 && xhr.status !== 201) || !body.id) {
      this.#fail({ status: xhr.status, problem: body, retry_s: retryAfter(xhr.getResponseHeader('Retry-After')), late: true });
      return;
    }
    this.#over = true;
    this.on.done(body, xhr.status === 200);
  }
}
