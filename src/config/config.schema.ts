import { z } from 'zod';

const postgresUrl = z
  .string()
  .regex(
    /^postgres(ql)?:\/\//,
    'a connection URL such as postgresql://user:password@host:5432/database',
  );

const httpUrl = z.url({ protocol: /^https?$/ });

const networkForms = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);
const network = z
  .string()
  .refine(
    (text) => networkForms.safeParse(text).success,
    'an address, or a network such as 10.0.0.0/8',
  );

const host = z
  .string()
  .refine(
    (text) =>
      URL.canParse(`http://${text}`) &&
      new URL(`http://${text}/`).host !== '' &&
      !/[/@?#]/.test(text),
    'a host such as shop.example.com, or with its port: localhost:8080',
  );

/** Who may be restored how fast, and who has to agree. */
const restorePolicy = z.strictObject({
  /** persons other than the requester who must approve a plan */
  approvals: z.int().min(0).max(5).default(1),
  /** an approval, and a plan without one, is good for this long */
  expires_minutes: z.int().min(1).max(1440).default(60),
  /** orders restored side by side */
  concurrency: z.int().min(1).max(32).default(4),
  /** at most this many orders an hour, over all runs of the shop */
  per_hour: z.int().min(1).max(1_000_000).default(5_000),
  /** the run stops when more than this share of the attempted orders failed ... */
  stop_at_failure_rate: z.number().min(0).max(1).default(0.1),
  /** ... or after this many lock time-outs in a row */
  stop_at_lock_timeouts: z.int().min(1).max(1000).default(5),
  lock_timeout_ms: z.int().min(10).max(10_000).default(500),
  statement_timeout_ms: z.int().min(100).max(60_000).default(5_000),
  transaction_timeout_ms: z.int().min(100).max(120_000).default(15_000),
});

const shop = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes, e.g. main-shop'),
    name: z.string().min(1),
    /** name of a shipped profile, or path of a file (relative to the configuration file) */
    profile: z.string().min(1).optional(),
    /**
     * three credentials; the fourth, to attach, is given once and never stored. Without them the shop tells
     * of its orders by HTTP
     */
    postgres: z
      .strictObject({
        replicate: postgresUrl,
        read: postgresUrl,
        /** unused until the shop is armed; without it the shop can only be observed */
        write: postgresUrl.optional(),
      })
      .optional(),
    restore: restorePolicy.prefault({}),
  })
  .superRefine(({ profile, postgres }, context) => {
    const fault = (message: string) =>
      context.addIssue({ code: 'custom', path: ['profile'], message });
    if (postgres !== undefined && profile === undefined)
      fault('a shop with a database needs a profile, which says what its tables mean');
    if (postgres === undefined && profile !== undefined)
      fault(
        'a profile is about a database: give postgres too, or leave it out (the shop then tells of its orders by HTTP)',
      );
  });

const receiver = z.union([
  z.strictObject({
    name: z.string().min(1),
    webhook: z.strictObject({
      url: httpUrl.refine(
        (url) => !/^\w+:\/\/[^/?#]*@/.test(url),
        'without user and password: nothing is posted to such an address; pages are signed instead',
      ),
      /** the body is signed with it: HMAC-SHA256 over timestamp and body */
      secret: z.string().min(16, 'at least 16 characters'),
    }),
  }),
  z.strictObject({
    name: z.string().min(1),
    email: z.strictObject({
      /** e.g. smtp://user:password@mail.example.com:587 */
      smtp: z.string().regex(/^smtps?:\/\//, 'an address such as smtp://host:587'),
      from: z.email(),
      to: z.array(z.email()).min(1),
    }),
  }),
]);

/** The whole configuration. Unknown fields are faults, so that a slip of the pen is not silently ignored. */
export const configSchema = z.strictObject({
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(8080),
      /** how people reach the service; for links in pages */
      public_url: httpUrl.optional(),
      /** whose X-Forwarded-For is believed: without them all who come through a proxy are one address */
      trusted_proxies: z.array(network).default([]),
    })
    .prefault({}),
  database: z
    .strictObject({
      /** owner role; without it the service runs a PostgreSQL of its own */
      url: postgresUrl.optional(),
      runtime_url: postgresUrl.optional(),
      pool_size: z.int().min(8).max(200).default(20),
    })
    .prefault({}),
  /** for the embedded PostgreSQL and the encryption key */
  data_directory: z.string().min(1).default('.data'),
  /** 32 bytes as base64; without it a key file is made in the data directory */
  encryption_key: z
    .string()
    .refine((text) => Buffer.from(text, 'base64').length === 32, '32 random bytes as base64')
    .optional(),
  log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  tracing: z
    .strictObject({
      /** a collector that takes OTLP over HTTP; without it nothing is traced */
      endpoint: httpUrl.optional(),
      /** where it takes traces, if not at v1/traces below the endpoint */
      traces_url: httpUrl.optional(),
      /** share of the traces that begin here */
      sample_ratio: z.number().min(0).max(1).default(1),
    })
    .prefault({}),
  intake: z
    .strictObject({
      /** most write-ahead log that a shop without max_slot_wal_keep_size may hold back for us; then the slot goes */
      retained_wal_max_mb: z.int().min(64).max(10_000_000).default(10_240),
      /** most that may wait in our own database until a profile fits its shop again; then the shop holds its log back */
      spool_max_mb: z.int().min(16).max(10_000_000).default(4_096),
      /** a shop without PostgreSQL that tells nothing for longer counts as silent; 0: none does */
      order_events_silent_minutes: z.int().min(0).max(100_000).default(60),
    })
    .prefault({}),
  detection: z
    .strictObject({
      /** at most one false page in so many weeks */
      weeks_per_false_page: z.number().min(1).max(520).default(20),
    })
    .prefault({}),
  receivers: z.array(receiver).default([]),
  runbooks: z
    .strictObject({
      /** folder with runbooks of one's own (relative to the configuration file); a file of the same name wins */
      directory: z.string().min(1).optional(),
      /** hosts that steps may go to, each with its port where that is not the usual one */
      allowed_hosts: z.array(host).default([]),
      /** webhooks of runbooks are signed with it */
      webhook_secret: z.string().min(16, 'at least 16 characters').optional(),
    })
    .prefault({}),
  shops: z.array(shop).default([]),
});

export type Config = z.output<typeof configSchema>;
export type ShopConfig = Config['shops'][number];
export type RestorePolicy = ShopConfig['restore'];
export type ReceiverConfig = Config['receivers'][number];
