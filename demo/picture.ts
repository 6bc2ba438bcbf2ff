import { text } from 'node:stream/consumers';

const columns = 128;
const lineHeight = 17;
const characterWidth = 7.85;
const padding = 18;

/** Draws what the demo printed as a terminal: `npm run demo -- --once | node dist/demo/picture.js > docs/demo.svg`. */
function picture(output: string): string {
  const lines = output.trimEnd().split('\n').flatMap(wrapped);
  const width = Math.ceil(columns * characterWidth + 2 * padding);
  const height = lines.length * lineHeight + 2 * padding;
  const rows = lines.map(
    (line, index) =>
      `<text x="${padding}" y="${padding + (index + 0.8) * lineHeight}" class="${styleOf(line)}" xml:space="preserve">${escaped(line)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Output of the demo">`,
    '<style>text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#d5dae3}.chapter{font-weight:bold;fill:#fff}.good{fill:#8fd694}.bad{fill:#ff8a80}.detail{fill:#9aa5b8}</style>',
    '<rect width="100%" height="100%" rx="8" fill="#161b26"/>',
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function styleOf(line: string): string {
  if (/^\S/.test(line)) return 'chapter';
  if (line.includes('✓')) return 'good';
  if (line.includes('✗')) return 'bad';
  return /^ {9}/.test(line) ? 'detail' : 'said';
}

/** Long lines go on below, indented as the story's details are. */
function wrapped(line: string): string[] {
  if (line.length <= columns) return [line];
  const space = line.lastIndexOf(' ', columns);
  const cut = space > columns / 2 ? space : columns;
  return [line.slice(0, cut), ...wrapped(`           ${line.slice(cut).trimStart()}`)];
}

function escaped(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

process.stdout.write(picture(await text(process.stdin)));
