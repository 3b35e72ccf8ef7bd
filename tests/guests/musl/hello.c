#include <stdio.h>
#include <string.h>
int main(void) { char line[64]; printf("hello %s %d\n", "musl", 42); fprintf(stderr, "err\n"); while (fgets(line, 64, stdin)) printf("line: %s", line); return 42; }
