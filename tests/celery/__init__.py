"""Workers on many machines, as an operator runs them: real commands, a real Redis, a real RabbitMQ, processes killed."""
