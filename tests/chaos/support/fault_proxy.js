// A TCP proxy that does to a connection what networks do: it cuts after a number of bytes (RST or FIN), slices, delays, stalls, flips
// bytes, closes one half. Each connection asks `plan` what is to happen to it.
import net from 'node:net';

/**
 * What happens to one connection. All of it is optional; without anything it is a plain proxy.
 * @typedef {object} Plan
 * @property {number} [cutAfter]       bytes towards the client, then the connection ends
 * @property {number} [cutAfterUp]     the same towards the server
 * @property {'rst' | 'fin'} [how]     how it ends; rst without this
 * @property {number} [slice]          towards the client at most so many bytes at once
 * @property {number} [delayMs]        each piece towards the client comes so much later
 * @property {number} [jitterMs]       and up to so much later still
 * @property {number} [stallAfter]     towards the client nothing more comes, and nothing ends
 * @property {number} [corruptAt]      the byte at this place towards the client is flipped
 * @property {number} [halfCloseAfter] the client is told the end, but may go on sending
 */

export class FaultProxy {
  #server;
  #sockets = new Set();
  connections = 0;

  /** @param {number} target port on 127.0.0.1 @param {(index: number) => Plan} plan */
  static async start(target, plan = () => ({}), {random = Math.random} = {}) {
    const proxy = new FaultProxy();
    proxy.target = target;
    proxy.plan = plan;
    proxy.random = random;
    proxy.#server = net.createServer({allowHalfOpen: true}, (client) => proxy.#connected(client));
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    proxy.port = /** @type {net.AddressInfo} */ (proxy.#server.address()).port;
    return proxy;
  }

  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connected(client) {
    const plan = this.plan(this.connections++);
    const server = net.connect({port: this.target, host: '127.0.0.1', allowHalfOpen: true});
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => { this.#sockets.delete(socket); end(); });
    }
    let isOver = false;
    const end = (how = plan.how ?? 'rst') => {
      if (isOver) return;
      isOver = true;
      for (const socket of [client, server]) how === 'rst' ? socket.resetAndDestroy() : socket.end();
    };
    pump(client, server, {cutAfter: plan.cutAfterUp}, end, this.random);
    pump(server, client, plan, end, this.random);
  }
}

/** Carries bytes from one socket to the other under a plan. */
const pump = (from, to, plan, end, random) => {
  let sent = 0;
  let last = Promise.resolve();
  const put = (piece) => {
    const cut = plan.cutAfter ?? Infinity;
    if (sent >= (plan.stallAfter ?? Infinity)) return;
    const bytes = Buffer.from(piece.subarray(0, Math.max(0, cut - sent)));
    const at = (plan.corruptAt ?? -1) - sent;
    if (at >= 0 && at < bytes.length) bytes[at] ^= 0x55;
    sent += bytes.length;
    if (!to.destroyed && to.writable) to.write(bytes);
    if (sent >= cut) end();
    if (sent >= (plan.halfCloseAfter ?? Infinity)) to.end();
  };
  from.on('data', (data) => {
    const size = plan.slice ?? data.length;
    for (let at = 0; at < data.length; at += size) {
      const piece = data.subarray(at, at + size);
      if (!plan.delayMs && !plan.jitterMs) {
        put(piece);
      } else {
        const wait = (plan.delayMs ?? 0) + random() * (plan.jitterMs ?? 0);
        last = last.then(() => new Promise((resolve) => setTimeout(resolve, wait))).then(() => put(piece));
      }
    }
  });
  from.on('end', () => { last = last.then(() => { if (!to.destroyed) to.end(); }); });
};
