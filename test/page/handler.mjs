/** Takes a few milliseconds and sometimes fails, so that the screenshot shows every part of the page. */
export default async function handle(message, context) {
  await new Promise((done) => setTimeout(done, 2 + Math.random() * 6));
  if (message.message_id % 97 === 0)
    throw new Error(`the payment service answered 503 for order ${message.message_id}`);
  if (message.message_id % 2_003 === 0) context.deadLetter(`there is no order ${message.message_id}`);
  return { ...message, handled: true };
}
