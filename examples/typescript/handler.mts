import type { Message, Processor } from 'cgroup';

interface Order extends Message {
  readonly price: number;
  readonly count: number;
}

interface PricedOrder extends Order {
  readonly total: number;
}

const handle: Processor<Order, PricedOrder> = async (order, context) => {
  // The type says what publishers should send. What they do send is known only here.
  if (!(order.count > 0)) context.deadLetter('the order has no count');
  return { ...order, total: order.price * order.count };
};

export default handle;
