import { describe, expect, it } from 'vitest';
import { createSecrets, MAX_ANNOUNCED, MIN_ANNOUNCED_LENGTH } from '../../src/http/secrets.ts';

const SECRET = 's'.repeat(MIN_ANNOUNCED_LENGTH);

function watched() {
  const announced: string[] = [];
  return { announced, secrets: createSecrets((secret) => announced.push(secret)) };
}

describe('secrets', () => {
  it('are announced once', () => {
    const { announced, secrets } = watched();
    secrets.hide(SECRET);
    secrets.hide(SECRET);
    expect(announced).toEqual([SECRET]);
  });

  it('too short for a mask are removed from texts all the same', () => {
    const { announced, secrets } = watched();
    secrets.hide(SECRET.slice(1));
    expect(announced).toEqual([]);
    expect(secrets.scrub(`a ${SECRET.slice(1)} b`)).toBe('a *** b');
  });

  it('of several lines are announced line by line, and short lines not at all', () => {
    const { announced, secrets } = watched();
    secrets.hide(`${SECRET}1\r\ne\n${SECRET}2\n`);
    expect(announced).toEqual([`${SECRET}1`, `${SECRET}2`]);
  });

  it('are removed in any case of letters', () => {
    const { secrets } = watched();
    secrets.hide('Hunter2+');
    expect(secrets.scrub('https://hunter2+.example.com')).toBe('https://***.example.com');
  });

  it('in a query are its long values as written, not its names', () => {
    const { announced, secrets } = watched();
    secrets.announceQuery(
      new URL(
        `https://storage.example.com/x?${SECRET}name=short&sig=${SECRET}%3D=&flag&%0A=%0Aa%0Ab${SECRET}`,
      ),
    );
    expect(announced).toEqual([`${SECRET}%3D=`, `%0Aa%0Ab${SECRET}`]);
  });

  it('in queries are announced only so often, and leave room for tokens', () => {
    const { announced, secrets } = watched();
    const values = Array.from({ length: MAX_ANNOUNCED + 5 }, (_, index) => `${SECRET}${index}`);
    secrets.announceQuery(new URL(`https://storage.example.com/?v=${values.join('&v=')}`));
    secrets.hide(`${SECRET}last`);
    expect(announced).toEqual([...values.slice(0, MAX_ANNOUNCED), `${SECRET}last`]);
    expect(secrets.scrub(`${SECRET}last`)).toBe('***');
  });
});
