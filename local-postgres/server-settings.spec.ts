import { portInSettings, renderSettings } from './server-settings.js';

describe('the settings file', () => {
  it('holds the loopback address, no sockets and UTC', () => {
    const text = renderSettings(20_001, {});
    expect(text).toContain("listen_addresses = '127.0.0.1'");
    expect(text).toContain("unix_socket_directories = ''");
    expect(text).toContain("timezone = 'UTC'");
  });

  it('gives its port back', () => {
    expect(portInSettings(renderSettings(20_001, { wal_level: 'logical' }))).toBe(20_001);
    expect(portInSettings('')).toBeUndefined();
  });

  it('is the same for the same settings in another order', () => {
    const one = renderSettings(1, { wal_level: 'logical', max_wal_senders: '4' });
    const other = renderSettings(1, { max_wal_senders: '4', wal_level: 'logical' });
    expect(one).toBe(other);
  });

  it('quotes values so that they stay one value', () => {
    const text = renderSettings(1, { search_path: "a'b\\c\nfsync = off" });
    expect(text).toContain("search_path = 'a''b\\\\c\\nfsync = off'");
  });

  it.each(['port', 'listen_addresses', 'Include', 'hba_file'])('refuses %s', (name) => {
    expect(() => renderSettings(1, { [name]: 'x' })).toThrow(name);
  });

  it('refuses what is no name', () => {
    expect(() => renderSettings(1, { 'fsync = off\nwork_mem': '1' })).toThrow('not a name');
  });
});
