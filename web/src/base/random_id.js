// 128 random bits as 32 hex digits. crypto.randomUUID exists only on secure origins; a LAN address is none.
export const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
