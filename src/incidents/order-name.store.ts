import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';
import type { NamedOrders } from '../shops/order-name.js';

/** Which orders we know by a text: from the journal, the rows as they were found, and the cases of incidents. */
@Injectable()
export class OrderNameStore {
  async named(reader: Reader, shopId: string, name: string): Promise<NamedOrders> {
    const row = await reader.queryOne<{ byNumber: string | null; isId: boolean }>(
      `SELECT (
         SELECT order_id FROM (
           (SELECT 1 AS source, order_id FROM journal_entry WHERE shop_id = $1 AND order_number = $2
            ORDER BY position DESC LIMIT 1)
           UNION ALL (SELECT 2, order_id FROM incident_case WHERE shop_id = $1 AND order_number = $2
            ORDER BY created_at DESC LIMIT 1)) known
         ORDER BY source LIMIT 1
       ) AS "byNumber",
       EXISTS (SELECT FROM row_image WHERE shop_id = $1 AND order_id = $2)
         OR EXISTS (SELECT FROM journal_entry WHERE shop_id = $1 AND order_id = $2)
         OR EXISTS (SELECT FROM incident_case WHERE shop_id = $1 AND order_id = $2) AS "isId"`,
      [shopId, name],
    );
    return { byNumber: row?.byNumber ?? undefined, byId: row?.isId === true ? name : undefined };
  }
}
