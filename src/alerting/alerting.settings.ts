import type { ReceiverConfig } from '../config/config.schema.js';

/** What alerting needs of the configuration. */
export class AlertingSettings {
  constructor(
    private readonly parts: {
      readonly receivers: readonly ReceiverConfig[];
      /** how people reach the service; without it links in pages are paths only */
      readonly publicUrl?: string | undefined;
    },
  ) {}

  get receivers(): readonly ReceiverConfig[] {
    return this.parts.receivers;
  }

  /** The address of something under the API, e.g. `incidents/<id>`. */
  apiUrl(path: string): string {
    return `${(this.parts.publicUrl ?? '').replace(/\/+$/, '')}/api/v1/${path}`;
  }
}
