// Whether the demo's terminal told its story: each part in plain words, in this order.
// Usage: demo-tells.mjs LOG [asked] — "asked" where a person was asked for the approval.
import { readFileSync } from 'node:fs';

const [file, asked] = process.argv.slice(2);
const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`;
const money = String.raw`EUR [\d,]+\.\d\d`;
const line = String.raw`\d+ paid orders of \d+ customers \(${money}\) cancelled since ${time} by .+; [\d.]+ expected in that time; still rising`;
const story = [
  /the sample shop is open: [\d,]+ past orders/,
  /Reinstate is up at http:/,
  /attached by logical replication: [\d,]+ rows read once/,
  /a quiet while: nothing raised/,
  /the faulty "unpaid orders" job cancels paid orders/,
  /noticed \d+\.\d s after the first wrong cancellation, with \d+ orders? hit by then/,
  new RegExp(String.raw`incident 1 \((low|medium|high|critical)\): ${line}`),
  /is paged \(signature checked\)/,
  new RegExp(`"${line}"`),
  /\d+ cases, one per order: \d+ wrongful, \d+ intended, \d+ unsure/,
  new RegExp(String.raw`wrongful, e\.g\. order \S+: the shop holds ${money} of this order; .+`),
  /refused: .+ of silence are asked for .*find and stop the cause first/,
  /the job is stopped; it had cancelled [\d,]+ paid orders/,
  /no more orders are hit, and the journal has seen all that the shop has committed/,
  /plan \d+: [\d,]+ orders set back exactly, \d+ left to people/,
  /order \S+ \(EUR [\d,.]+\) is set back to what it was/,
  /status: cancelled -> \w+/,
  ...(asked === 'asked' ? [/Approve plan \d+ as Alex, the second person\? \[y\/N\]/] : []),
  /Alex approves plan \d+ \(bound to its hash [0-9a-f]{12}/,
  /the run starts: one order first, the canary/,
  /the canary held; the rest follows: \d+ orders? restored, read back/,
  /order \S+, the canary, was verified before the [\d,]+ others?/,
  /order \S+, read from the shop: status "(?!cancelled)\w+"/,
  /The timeline, for the review/,
  /incident opened/,
  /run finished: [\d,]+ verified/,
  /The proof/,
  /restored orders are as they were/,
  /(\d+) of \1 wrongly cancelled orders are back/,
  ...(asked === 'asked' ? [/export REINSTATE_URL=/, /npx reinstate incident timeline 1/] : []),
];

const told = readFileSync(file, 'utf8');
let rest = told;
for (const words of story) {
  const found = words.exec(rest);
  if (found === null) {
    console.error(
      `the demo did not tell, in its place: ${words}${words.test(told) ? ' (only elsewhere)' : ''}`,
    );
    process.exit(1);
  }
  rest = rest.slice(found.index + found[0].length);
}
const planned = Number(
  (/plan \d+: ([\d,]+) orders set back exactly/.exec(told)?.[1] ?? '').replaceAll(',', ''),
);
const ofEach = told.match(/is set back to what it was\n +status: cancelled -> \w+/g)?.length ?? 0;
if (planned <= 100 && ofEach !== planned) {
  console.error(`the demo told of ${ofEach} of ${planned} planned orders what changes in them`);
  process.exit(1);
}
console.log(`the story was told: ${story.length} parts, in order`);
