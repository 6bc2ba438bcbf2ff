import { readFile } from 'node:fs/promises';

/** The fenced blocks of docs/profiles.md in one language, in their order. */
export async function profileBlocks(language: 'yaml' | 'sql'): Promise<string[]> {
  const text = await readFile('docs/profiles.md', 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, block = '']) => block,
  );
}
