/* The cost of a process that does nothing: the lower bound of every other figure. Linked statically. */
int main(void) { return 0; }
