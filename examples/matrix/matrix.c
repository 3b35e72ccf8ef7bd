/* Multiplies two private 12 x 12 matrices and commits the product. */
#include <zkc.h>

enum { N = 12 };

int main(void) {
    static int32_t a[N][N], b[N][N], c[N][N];
    zkc_read_exact(a, sizeof a);
    zkc_read_exact(b, sizeof b);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++) c[i][j] += a[i][k] * b[k][j];
    zkc_journal(c, sizeof c);
    int32_t trace = 0;
    for (int i = 0; i < N; i++) trace += c[i][i];
    zkc_printf("trace %d\n", trace);
    return 0;
}
