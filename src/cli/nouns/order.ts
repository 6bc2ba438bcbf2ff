import { Option } from 'commander';
import { apiCommand, listCommand } from '../api-command.js';
import type { Noun } from '../command.js';
import { momentOption } from '../options.js';
import {
  amount,
  joined,
  listed,
  money,
  said,
  text,
  time,
  valueAt,
  wordsOf,
} from '../output/column.js';
import { actorInWords, changeInWords } from '../output/words.js';

const by = () =>
  new Option(
    '--by <name>',
    'what the order is named by (unless given: either, and refused where that means two orders)',
  ).choices(['number', 'id']);

export const order: Noun = {
  name: 'order',
  summary: 'one order: as the shop has it, what happened to it, which incidents it is in',
  commands: [
    apiCommand({
      usage: 'show <shop> <order>',
      summary:
        'an order as it stands in the shop now, or as it stood at a time, by its id or number',
      examples: [
        'order show main 10045',
        'order show main 10045 --at 2026-11-22T03:00:00Z',
        'order show main 10045 --by number',
      ],
      options: [momentOption('--at <time>', 'as it stood then, by the journal'), by()],
      request: { method: 'GET', path: '/shops/{shop}/orders/{order}', query: ['at', 'by'] },
      view: {
        kind: 'record',
        columns: [
          text('order', 'order.number', 'order.orderId'),
          text('status', 'order.status'),
          money('total', 'order.totalMinor', 'order.currency'),
          time('placed', 'order.placedAt'),
          time('cancelled', 'order.cancelledAt'),
          text('customer', 'order.customerId'),
          text('attributes', 'order.attributes'),
          text('way back', 'capability.way'),
          text('because', 'capability.detail'),
          time('as of', 'asOf.at'),
          text('which is', 'asOf.standing'),
          text('in words', 'asOf.detail'),
          time('changed next', 'asOf.nextChangeAt'),
        ],
        lists: [
          {
            field: 'order.lines',
            title: 'Lines',
            currency: 'order.currency',
            columns: [
              text('product', 'product'),
              text('name', 'name'),
              text('quantity', 'quantity'),
              amount('each', 'unitPriceMinor'),
              amount('total', 'totalMinor'),
            ],
          },
          {
            field: 'order.shipping',
            title: 'Shipping',
            currency: 'order.currency',
            columns: [text('method', 'method'), amount('price', 'priceMinor')],
          },
          {
            field: 'order.payments',
            title: 'Payments',
            currency: 'order.currency',
            columns: [
              text('payment', 'paymentId'),
              text('state', 'state'),
              amount('held', 'heldMinor'),
              amount('returned', 'refundedMinor'),
            ],
          },
        ],
      },
    }),
    listCommand({
      usage: 'journal <shop> <order>',
      summary: 'what happened to an order, oldest first, by its number or id',
      examples: ['order journal main 10045', 'order journal main 10045 --json'],
      options: [by()],
      request: { method: 'GET', path: '/shops/{shop}/orders/{order}/journal', query: ['by'] },
      columns: [
        time('at', 'committedAt'),
        listed('what', 'kinds', wordsOf),
        joined('status', ['statusBefore', 'statusAfter'], changeInWords),
        joined('by', ['actorKind', 'actor'], actorInWords),
        text('reason', 'reason'),
        listed('rows', 'rowChanges', (row) => wordsOf(valueAt(row, 'table'))),
        text('position', 'position'),
      ],
      empty: 'The journal has nothing about it.',
    }),
    listCommand({
      usage: 'cases <shop> <order>',
      summary: 'which incidents an order is in, by its number or id',
      examples: ['order cases main 10045'],
      options: [by()],
      request: { method: 'GET', path: '/shops/{shop}/orders/{order}/cases', query: ['by'] },
      columns: [
        said('incident', 'incidentNumber', wordsOf),
        text('status', 'incidentStatus'),
        text('case', 'state'),
        text('verdict', 'verdict'),
        time('cancelled', 'cancelledAt'),
        text('about', 'incidentTitle'),
      ],
      empty: 'This order is in no incident.',
    }),
  ],
};
