// A disk that is full at one moment or the next: the server stays up and says so, acknowledges nothing that it did not store, and goes on when there
// is space again. The limit of a file's size stands for the disk: writing beyond it fails as on a full one, at any chosen place.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {readdirSync, statSync} from 'node:fs';
import {ChatClient, newIdentity} from '../e2e/support/chat_client.js';

const setLimit = (pid, bytes) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);

const journalBytes = (folder) => Math.max(...readdirSync(folder).filter((file) => file.endsWith('-wal')).map((file) => statSync(`${folder}/${file}`).size));

/**
 * @param {(options: {dataDir: string, port?: number, ignoresFileLimit?: boolean}) => Promise<{url: string, port: number, pid: number, stop: (signal: string) => Promise<any>}>} start
 * @param {{folder: string, rounds?: number, log?: (line: string) => void}} options
 */
export const disk = async (start, {folder, rounds = 40, log = () => {}}) => {
  const result = {rounds, refused: 0, unstored: 0, accepted: 0, recovered: 0};
  for (let round = 0; round < rounds; ++round) {
    const dataDir = `${folder}/${round}`;
    const server = await start({dataDir, ignoresFileLimit: true});
    const cookie = await newIdentity(server.url);
    const client = await ChatClient.connect(server.url, {cookie});
    await client.ask('Hello!', {params: {max_tokens: 4}});
    // From here on the journal may grow by so many bytes, in steps of less than a page.
    setLimit(server.pid, journalBytes(dataDir) + round * 3000);
    const journal = [];
    for (let i = 0; i < 6; ++i) {
      try {
        const accepted = await client.create(`message ${i}`, {params: {temperature: 0, max_tokens: 8}});
        const shown = await client.finished(accepted.stream);
        journal.push({accepted, stored: shown.done.stored, text: shown.text, content: `message ${i}`});
        ++result.accepted;
        if (!shown.done.stored) ++result.unstored;
      } catch (error) {
        assert.equal(error.code, 'storage_unavailable', String(error));
        ++result.refused;
      }
      assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    }
    setLimit(server.pid, 'unlimited');
    const again = async () => {
      for (let tries = 0; ; ++tries) {
        try {
          return await client.ask('After all', {params: {temperature: 0, max_tokens: 4}});
        } catch (error) {
          if (error.code !== 'storage_unavailable' || tries === 100) throw error;
          await new Promise((resolve) => { setTimeout(resolve, 100); });
        }
      }
    };
    const {done} = await again();
    assert.equal(done.stored, true);
    ++result.recovered;
    await client.close();
    await server.stop('SIGTERM');

    const second = await start({dataDir, port: server.port});   // the cookie's name has the port
    const reader = await ChatClient.connect(second.url, {cookie});
    for (const {accepted, stored, text, content} of journal) {
      const {data} = await reader.request({type: 'history.get', conversation: accepted.conversation});
      assert.equal(data.messages.find(({id}) => id === accepted.user_message).content, content);
      const reply = data.messages.find(({id}) => id === accepted.stream);
      if (stored) assert.equal(reply.content, text);
      else assert.ok(text.startsWith(reply.content) || reply.content === text);
    }
    await reader.close();
    await second.stop('SIGTERM');
    if ((round + 1) % 10 === 0) log(`${round + 1} rounds: ${JSON.stringify(result)}`);
  }
  assert.ok(result.refused + result.unstored > 0, 'the disk was full at least once');
  return result;
};
