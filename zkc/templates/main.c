/* Commits the sum of the private input's bytes to the journal: replace this with what you want to prove. */
#include <zkc.h>

int main(void) {
    size_t size;
    const uint8_t *input = zkc_input_all(&size);
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++) sum += input[i];
    zkc_journal(&sum, sizeof sum);
    zkc_printf("the sum of %u bytes is %u\n", (uint32_t)size, sum);
    return 0;
}
