// Answers held against the server's own /openapi.json.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';

const Ajv = createRequire(import.meta.url)('ajv/dist/2020.js').default;

/**
 * @param {string} url
 * @returns {Promise<(method: string, path: string, body?: object, status?: number) => Promise<any>>} sends a request and checks its answer
 */
export const checkAgainst = async (url) => {
  const description = await (await fetch(`${url}/openapi.json`)).json();
  assert.equal(description.openapi, '3.1.0');
  const ajv = new Ajv({strict: false, allowUnionTypes: true});
  ajv.addSchema(description, 'api');
  const pointer = (...names) => `api#/${names.map((name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
  return async (method, path, body, status = 200) => {
    const response = await fetch(`${url}${path}`, {method, headers: body ? {'content-type': 'application/json'} : {}, body: body && JSON.stringify(body)});
    const text = await response.text();
    assert.equal(response.status, status, `${method} ${path}: ${text}`);
    assert.match(response.headers.get('x-request-id') ?? '', /^[0-9a-f]{16}$/);
    const type = (response.headers.get('content-type') ?? '').split(';')[0];
    const place = status === 200 ? pointer('paths', path, method.toLowerCase(), 'responses', '200', 'content', type, 'schema')
      : pointer('components', 'responses', 'Refused', 'content', type, 'schema');
    const validate = ajv.getSchema(place);
    assert.ok(validate, `${method} ${path} is not described (${type})`);
    const value = JSON.parse(text);
    assert.ok(validate(value), `${method} ${path}: ${JSON.stringify(validate.errors)}\n${text.slice(0, 2000)}`);
    return value;
  };
};
