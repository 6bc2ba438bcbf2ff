import { describe, expect, it } from '@jest/globals';
import { basicTokenOf, newToken, tokenHash, tokenOf } from './token.js';

const token = newToken();
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('a token', () => {
  it('is new each time and can be recognised', () => {
    expect(newToken()).toMatch(/^rst_[A-Za-z0-9_-]{43}$/);
    expect(newToken()).not.toBe(newToken());
  });

  it('is known by a hash that does not hold it', () => {
    expect(tokenHash(token)).toHaveLength(32);
    expect(tokenHash(token).equals(tokenHash(token))).toBe(true);
    expect(tokenHash(token).toString()).not.toContain(token);
  });

  it('is taken from a bearer header, whatever the case of the scheme', () => {
    expect(tokenOf(`Bearer ${token}`)).toBe(token);
    expect(tokenOf(`bearer  ${token}`)).toBe(token);
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${token}x`,
    `Bearer ${token} x`,
    `Token ${token}`,
    token,
    basic(`me:${token}`),
  ])('is not found in %p', (header) => {
    expect(tokenOf(header)).toBeUndefined();
  });

  it("is taken from a browser's password, whatever the name", () => {
    expect(basicTokenOf(basic(`me:${token}`))).toBe(token);
    expect(basicTokenOf(basic(`:${token}`))).toBe(token);
  });

  it.each([
    undefined,
    basic(token),
    basic(`${token}:`),
    basic(`me:x:${token}`),
    'Basic %',
    'Basic ',
  ])('is not found as the password of %p', (header) => {
    expect(basicTokenOf(header)).toBeUndefined();
  });
});
