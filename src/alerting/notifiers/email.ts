import { createTransport, type Transporter } from 'nodemailer';
import { z } from 'zod';
import type { PageDelivery } from '../page.js';
import { connectionFailure, type DeliveryResult, type Notifier } from './notifier.js';

/** Each stage of the talk with the mail server; the whole takes a little longer at worst. */
const stageTimeoutMs = 4_000;
/** Mail programs cut longer subjects. */
const longestSubject = 180;

export interface EmailOptions {
  /** e.g. smtp://user:password@mail.example.com:587 */
  readonly smtp: string;
  readonly from: string;
  readonly to: readonly string[];
}

/** Sends pages by SMTP. The Message-ID is made of the page's id, so that a repetition can be told. */
export class EmailNotifier implements Notifier {
  private readonly transport: Transporter;

  constructor(
    readonly receiver: string,
    private readonly options: EmailOptions,
  ) {
    this.transport = createTransport({
      url: options.smtp,
      // what the address itself says of TLS comes before this
      requireTLS: mustEncrypt(options.smtp),
      connectionTimeout: stageTimeoutMs,
      greetingTimeout: stageTimeoutMs,
      socketTimeout: stageTimeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  async send(
    delivery: PageDelivery,
    context: { now: Date; incidentUrl: string | null },
  ): Promise<DeliveryResult> {
    try {
      const answer = answerSchema.parse(
        await this.transport.sendMail({
          from: this.options.from,
          to: [...this.options.to],
          subject: subjectOf(delivery),
          text: textOf(delivery, context),
          messageId: `<${delivery.pageId}.${delivery.receiver.replaceAll(/[^\w-]/g, '-')}@reinstate>`,
          date: context.now,
          headers: { 'X-Reinstate-Page': delivery.pageId, 'X-Reinstate-Delivery': delivery.id },
        }),
      );
      const refused = answer.rejected?.length ?? 0;
      const note =
        refused === 0 ? null : `${refused} of ${this.options.to.length} addresses refused`;
      return { outcome: 'delivered', note };
    } catch (error) {
      return failureOf(error);
    }
  }

  close(): void {
    this.transport.close();
  }
}

/**
 * Whether a page may only go over TLS: wherever there is a password to steal. Otherwise it is used where
 * the server offers it. A server on this machine cannot be listened to.
 */
export function mustEncrypt(smtp: string): boolean {
  const { username, hostname } = new URL(smtp);
  return username !== '' && !loopback.has(hostname);
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

const answerSchema = z.object({ rejected: z.array(z.unknown()).optional() });

function subjectOf(delivery: PageDelivery): string {
  const subject = `[${delivery.body.severity}] ${delivery.firstLine}`;
  return subject.length <= longestSubject ? subject : `${subject.slice(0, longestSubject - 1)}…`;
}

function textOf(delivery: PageDelivery, context: { incidentUrl: string | null }): string {
  const lines = [delivery.firstLine, '', ...delivery.body.details];
  if (context.incidentUrl !== null) lines.push('', context.incidentUrl);
  return `${lines.join('\n')}\n\nPage ${delivery.pageId}\n`;
}

const smtpError = z.object({
  code: z.string().optional(),
  responseCode: z.number().int().optional(),
});

/**
 * By the server's answer where there was one: 4xx is temporary, 5xx is final (RFC 5321, 4.2.1). A password
 * that is refused, or TLS that fails, is somebody's slip: the page waits until it is mended.
 */
function failureOf(error: unknown): DeliveryResult {
  const { code, responseCode } = smtpError.safeParse(error).data ?? {};
  if (responseCode === undefined) return connectionFailure(code);
  const detail = `SMTP ${responseCode}`;
  if (code === 'EAUTH') return { outcome: 'failed', reason: 'rejected', retry: true, detail };
  if (code === 'ETLS') return connectionFailure(code);
  if (responseCode >= 500) return { outcome: 'failed', reason: 'rejected', retry: false, detail };
  return { outcome: 'failed', reason: 'receiver-error', retry: true, detail };
}
