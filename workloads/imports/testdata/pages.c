/* What pages.strace, pages.perf and pages.perftrace recorded: accesses to a file, to anonymous memory, to the heap, and of two threads. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *work(void *none)
{
	char *m = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 4; i++)
		m[4096 * i] = 1;
	munmap(m, 16384);
	return none;
}

static char zeroes[4 * 4096];

int main(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	volatile char sum = *(char *)mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	char *a = mmap(0, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 5; i++)
		sum += a[4096 * i];
	for (int i = 0; i < 5; i++)
		a[4096 * i] = 1;
	for (int i = 0; i < 4; i++)
		zeroes[4096 * i] = 1;
	memset(malloc(100000), 1, 100000);
	pthread_t t[2];
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], 0, work, 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], 0);
	return 0;
}
