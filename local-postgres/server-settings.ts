import { loopback } from './free-port.js';

/** Settings that hold what this module promises, so no caller may give them. */
const reserved = new Set([
  ...['listen_addresses', 'port', 'unix_socket_directories', 'password_encryption'],
  ...['data_directory', 'config_file', 'hba_file', 'ident_file', 'external_pid_file'],
  ...['include', 'include_dir', 'include_if_exists'],
]);

/** What every server gets unless the caller says otherwise. */
const usual: Record<string, string> = {
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  // neither statements nor rows in the log: they may hold personal data
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};

/**
 * The text of the settings file. The same input gives the same text, so that a difference between two starts
 * shows. Throws on a setting that is reserved or has no proper name.
 */
export function renderSettings(port: number, settings: Record<string, string>): string {
  for (const name of Object.keys(settings)) {
    if (!/^[a-z_][\w.]*$/i.test(name)) throw new Error(`not a name of a setting: "${name}"`);
    if (reserved.has(name.toLowerCase())) {
      throw new Error(`the setting "${name}" is fixed for a local server and cannot be given`);
    }
  }
  const all = {
    ...usual,
    ...settings,
    listen_addresses: loopback,
    port: String(port),
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
  };
  const lines = Object.entries(all)
    .map(([name, value]) => `${name} = ${quote(value)}`)
    .sort();
  return ['# Written anew at each start; changes made here are lost.', ...lines, ''].join('\n');
}

/** The port in a text that renderSettings made. */
export function portInSettings(text: string): number | undefined {
  const digits = /^port = '(\d+)'$/m.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function quote(value: string): string {
  const escaped = value.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n');
  return `'${escaped}'`;
}
