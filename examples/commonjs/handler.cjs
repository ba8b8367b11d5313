/** @type {import('cgroup').Processor} */
module.exports = async function handle(order, context) {
  // Another attempt would fail the same way, so the order becomes a dead letter at once.
  if (!(order.count > 0)) context.deadLetter('the order has no count');
  return { ...order, total: order.price * order.count };
};
