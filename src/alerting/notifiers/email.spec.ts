import { describe, expect, it } from '@jest/globals';
import { mustEncrypt } from './email.js';

describe('a mail server', () => {
  it.each([
    ['smtp://mail.example.com:587', false],
    ['smtp://user:password@mail.example.com:587', true],
    ['smtps://user:password@mail.example.com', true],
    ['smtp://user:password@127.0.0.1:1025', false],
    ['smtp://user:password@localhost:1025', false],
    ['smtp://user:password@[::1]:1025', false],
  ])('%s is only spoken to over TLS: %s', (smtp, must) => {
    expect(mustEncrypt(smtp)).toBe(must);
  });
});
