// Answers HTTP on PORT and prints a line a second.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	started := time.Now()
	port := os.Getenv("PORT")
	if port == "" {
		port = "3000"
	}
	go func() {
		for range time.Tick(time.Second) {
			fmt.Printf("still here after %.0f s\n", time.Since(started).Seconds())
		}
	}()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		fmt.Fprintf(w, "Hello from Go, up for %.0f s\n", time.Since(started).Seconds())
	})
	fmt.Println("listening on port", port)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}
