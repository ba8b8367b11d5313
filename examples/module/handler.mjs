/** Runs once for each order, and again if an attempt fails. What it returns becomes the `data` of the result. */
export default async function handle(order, context) {
  // Another attempt would fail the same way, so the order becomes a dead letter at once.
  if (!(order.count > 0)) context.deadLetter('the order has no count');
  return { ...order, total: order.price * order.count };
}
