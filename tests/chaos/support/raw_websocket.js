// A WebSocket spoken byte by byte, so that a test can say what no library would: frames as raw as RFC 6455 allows, and rawer.
import {randomBytes} from 'node:crypto';
import net from 'node:net';

/** One frame. @param {{opcode?: number, fin?: boolean, rsv?: number, masked?: boolean, payload?: Buffer | string, lengthForm?: 7 | 16 | 64}} options */
export const frame = ({opcode = 1, fin = true, rsv = 0, masked = true, payload = '', lengthForm} = {}) => {
  const body = Buffer.from(payload);
  const form = lengthForm ?? (body.length < 126 ? 7 : body.length < 65536 ? 16 : 64);
  const head = Buffer.alloc(2 + (form === 16 ? 2 : form === 64 ? 8 : 0));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (form === 7 ? body.length : form === 16 ? 126 : 127);
  if (form === 16) head.writeUInt16BE(body.length, 2);
  if (form === 64) head.writeBigUInt64BE(BigInt(body.length), 2);
  if (!masked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i % 4])]);
};

/** A close frame. */
export const closeFrame = (code, reason = '') => {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return frame({opcode: 8, payload});
};

export class RawWebSocket {
  /** @type {{opcode: number, payload: Buffer}[]} */ frames = [];
  #buffer = Buffer.alloc(0);
  #waiting = [];
  isEnded = false;
  patienceMs = 60_000;

  /** Upgrades. @returns {Promise<RawWebSocket>} */
  static async connect({port, cookie = '', origin = `http://127.0.0.1:${port}`, path = '/ws', lines = []}) {
    const raw = new RawWebSocket();
    raw.socket = net.connect({port, host: '127.0.0.1'});
    raw.socket.setNoDelay(true);
    raw.socket.on('error', () => {});
    const over = () => { raw.isEnded = true; raw.#wake(); };
    raw.socket.on('end', over).on('close', over);
    await new Promise((resolve, reject) => { raw.socket.once('connect', resolve); raw.socket.once('error', reject); });
    raw.socket.write([`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Connection: Upgrade', 'Upgrade: websocket',
      'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `Origin: ${origin}`,
      ...(cookie ? [`Cookie: ${cookie}`] : []), ...lines, '', ''].join('\r\n'));
    raw.socket.on('data', (data) => {
      raw.#buffer = Buffer.concat([raw.#buffer, data]);
      raw.#read();
    });
    await raw.#until(() => raw.head !== undefined || raw.isEnded);
    return raw;
  }

  send(...frames) { for (const one of frames) this.socket.write(one); }
  text(value) { this.send(frame({payload: typeof value === 'string' ? value : JSON.stringify(value)})); }
  destroy() { this.socket.destroy(); }

  /** The next text message that matches. */
  async message(matches = () => true) {
    let found;
    await this.#until(() => {
      found = this.frames.filter(({opcode}) => opcode === 1).map(({payload}) => JSON.parse(String(payload))).find(matches);
      return found !== undefined || this.isEnded;
    });
    return found;
  }

  /** The code of the server's close frame, or null when the connection ended without one. */
  async closeCode() {
    await this.#until(() => this.isEnded || this.frames.some(({opcode}) => opcode === 8));
    const close = this.frames.find(({opcode}) => opcode === 8);
    if (!close) return null;
    return close.payload.length >= 2 ? close.payload.readUInt16BE(0) : 1005;
  }

  async control(opcode) {
    let found;
    await this.#until(() => (found = this.frames.find((one) => one.opcode === opcode)) !== undefined || this.isEnded);
    return found;
  }

  /** Waits, but not for ever: a case that never answers has failed, it does not hang. */
  #until(done) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => { this.isEnded = true; this.#wake(); }, this.patienceMs);
      this.#waiting.push({done, resolve: (value) => { clearTimeout(timer); resolve(value); }});
      this.#wake();
    });
  }

  #wake() {
    this.#waiting = this.#waiting.filter(({done, resolve}) => (done() ? (resolve(undefined), false) : true));
  }

  #read() {
    if (this.head === undefined) {
      const end = this.#buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#buffer.subarray(0, end).toString();
      this.#buffer = this.#buffer.subarray(end + 4);
    }
    for (;;) {
      if (this.#buffer.length < 2) break;
      const short = this.#buffer[1] & 0x7f;
      const size = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.#buffer.length < size) break;
      const length = short === 126 ? this.#buffer.readUInt16BE(2) : short === 127 ? Number(this.#buffer.readBigUInt64BE(2)) : short;
      if (this.#buffer.length < size + length) break;
      this.frames.push({opcode: this.#buffer[0] & 0x0f, payload: this.#buffer.subarray(size, size + length)});
      this.#buffer = this.#buffer.subarray(size + length);
    }
    this.#wake();
  }
}
